"""What looks and rungs ask of the rest of a sweep: networks that can be compared, and outer steps that are reached."""

from __future__ import annotations

from distiller.recipe import Recipe
from sweeps.part import RefusedError
from sweeps.schema import Evaluate
from sweeps.search import Search
from sweeps.space import Choice, Dimension

__all__ = ["check_hurdles"]


def check_hurdles(search: Search, evaluate: Evaluate, recipe: Recipe) -> None:
    """Raise `RefusedError` where trials have no networks in common to race on, or no trial comes past a rung."""
    if len(evaluate.looks) > 1 and "fixed" in _choices(search.space.get("init")):
        raise RefusedError(
            ("evaluate", "inits"),
            "are looks, and search.space.init may be fixed, whose networks are its own; expected a number, or one init",
        )
    if len(search.objectives) > 1:
        _check_alone(search, evaluate)
    most = _largest(search.space.get("outer_steps"), recipe.outer_steps)
    if search.rungs and search.rungs[-1] >= most:
        raise RefusedError(
            ("search", "rungs"), f"expected outer steps before the last, {most}, got {list(search.rungs)}"
        )


def _check_alone(search: Search, evaluate: Evaluate) -> None:
    """A trial of low accuracy may be of the front for its cost: none is stopped where there are several objectives."""
    several = "and there are several objectives; expected"
    if len(evaluate.looks) > 1:
        raise RefusedError(
            ("evaluate", "inits"), f"are looks of a race, which goes by accuracy alone, {several} a number"
        )
    if search.rungs:
        raise RefusedError(("search", "rungs"), f"compare accuracies alone, {several} none")


def _choices(dimension: Dimension | None) -> list[object]:
    return list(dimension.values) if isinstance(dimension, Choice) else []


def _largest(dimension: Dimension | None, own: int) -> int:
    if dimension is None:
        return own
    return int(max(dimension.values)) if isinstance(dimension, Choice) else int(dimension.high)

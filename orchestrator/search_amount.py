"""How much a search takes where looks and rungs end trials early: no one knows before, so the most and the least."""

from __future__ import annotations

from dataclasses import dataclass

from distiller.recipe import Recipe
from orchestrator.plan import looks_of, networks_of
from orchestrator.rungs import rungs_below
from sweeps import Sweep

__all__ = ["SearchAmount", "least_amount", "most_amount"]


@dataclass(frozen=True)
class SearchAmount:
    """Outer steps of a search's trials, and networks trained on their sets."""

    outer_steps: int
    networks: int


def most_amount(sweep: Sweep, recipe: Recipe) -> SearchAmount:
    """Return what the trials of a search take if none is stopped, all of them like ``recipe``."""
    whole = _whole(sweep, recipe)
    return SearchAmount(sweep.trials * whole.outer_steps, sweep.trials * whole.networks)


def least_amount(sweep: Sweep, recipe: Recipe) -> SearchAmount:
    """Return what they take if every trial is stopped that can be, as soon as it can be: the first ones have no rivals."""
    whole, search, looks = _whole(sweep, recipe), sweep.search, looks_of(sweep, recipe)
    rungs = _rungs(sweep, recipe)
    if search is None or not (rungs or len(looks) > 1):
        return most_amount(sweep, recipe)
    # Of the values at a rung that are compared, the trial's own is one.
    alone = min(sweep.trials, search.lag + (search.reduction - 2 if rungs else 0))
    least = SearchAmount(whole.outer_steps, looks[0])
    if rungs:
        least = SearchAmount(rungs[0], networks_of(recipe, search.rung_inits))
    stopped = sweep.trials - alone
    return SearchAmount(
        alone * whole.outer_steps + stopped * least.outer_steps, alone * whole.networks + stopped * least.networks
    )


def _whole(sweep: Sweep, recipe: Recipe) -> SearchAmount:
    at_rungs = 0 if sweep.search is None else networks_of(recipe, sweep.search.rung_inits)
    return SearchAmount(recipe.outer_steps, looks_of(sweep, recipe)[-1] + len(_rungs(sweep, recipe)) * at_rungs)


def _rungs(sweep: Sweep, recipe: Recipe) -> list[int]:
    return [] if sweep.search is None else rungs_below(sweep.search.rungs, recipe)

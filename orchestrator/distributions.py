"""The dimensions of a search as Optuna knows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

__all__ = ["Space", "distributions", "inside", "outside"]

Space = Mapping[str, Mapping[str, Any]]
"""A dimension in plain form by the name of its parameter: ``{"int": [low, high]}`` and ``{"float": [low, high]}``, both ends
included, with ``log`` and ``step`` where wanted, or ``{"choice": [...]}`` of any plain values."""


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Return each dimension as Optuna knows it; a choice by index, since Optuna takes neither lists nor mappings as choices.

    Raises `ValueError` for one that does not exist.
    """
    return {name: _distribution(name, dimension) for name, dimension in space.items()}


def inside(space: Space, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as the study holds them: the index of what was chosen, a number as it is."""
    return {
        name: _index(space[name]["choice"], value) if "choice" in space[name] else value
        for name, value in params.items()
    }


def outside(space: Space, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as a recipe takes them, in the order of the space."""
    return {
        name: dimension["choice"][params[name]] if "choice" in dimension else params[name]
        for name, dimension in space.items()
    }


def _index(choices: Sequence[Any], value: Any) -> int:
    # By kind too, for 1 == True == 1.0.
    return next(i for i, choice in enumerate(choices) if type(choice) is type(value) and choice == value)


def _distribution(name: str, dimension: Mapping[str, Any]) -> BaseDistribution:
    log, step = bool(dimension.get("log", False)), dimension.get("step")
    match dimension:
        case {"int": [low, high]}:
            # Optuna says a line where the step does not end at the upper bound.
            high -= 0 if step is None else (high - low) % step
            return IntDistribution(low, high, log=log, step=1 if step is None else step)
        case {"float": [low, high]}:
            return FloatDistribution(low, high, log=log, step=step)
        case {"choice": Sequence() as choices} if choices:
            return CategoricalDistribution(range(len(choices)))
    raise ValueError(f"{name}: expected a dimension such as {{int: [1, 20]}}, got {dict(dimension)}")

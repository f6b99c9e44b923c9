"""The points of a grid: every value of every dimension with every value of the others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

__all__ = ["grid_point", "grid_size", "grid_values"]


def grid_values(dimension: Mapping[str, Any]) -> Sequence[Any]:
    """Return the values of a dimension in plain form. Raises `ValueError` for numbers without a step."""
    step = dimension.get("step")
    match dimension:
        case {"choice": choices}:
            return tuple(choices)
        case {"int": [low, high]}:
            return range(low, high + 1, step or 1)
        case {"float": [low, high]} if step is not None:
            # As they are written, for in binary thrice 0.1 is above 0.3.
            first, last, by = (Decimal(str(number)) for number in (low, high, step))
            return tuple(float(first + i * by) for i in range(int((last - first) // by) + 1))
    raise ValueError("expected a step, or a choice, for a grid of numbers")


def grid_size(space: Mapping[str, Mapping[str, Any]]) -> int:
    """Return how many points there are."""
    return math.prod(len(grid_values(dimension)) for dimension in space.values())


def grid_point(space: Mapping[str, Mapping[str, Any]], index: int) -> dict[str, Any]:
    """Return the point of that number from 0; the last dimension runs fastest."""
    point: dict[str, Any] = {}
    for name in reversed(list(space)):
        values = grid_values(space[name])
        index, place = divmod(index, len(values))
        point[name] = values[place]
    return {name: point[name] for name in space}

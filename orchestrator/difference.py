"""By how much one mean accuracy is above another, and how sure that is; paired where both have the same initialisations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.estimate import standard_deviation
from orchestrator.interval import student_t

__all__ = ["Difference", "difference"]

Accuracies = Mapping[int, float]
"""Accuracies by the seed of the initialisation."""


@dataclass(frozen=True)
class Difference:
    """``mean`` is the other's mean accuracy minus the reference's; ``low`` and ``high`` bound its 95 % interval (Student's t).

    Where ``paired``, all of it is over the ``networks`` initialisations that both have, whose own spread cancels, and ``better``
    counts those on which the other is ahead, a tie by one half. Else the means are independent, by Welch (1947), ``networks``
    counts both sides, and there is no ``better``. ``se`` and the interval are `None` for too few networks.
    """

    mean: float
    networks: int
    paired: bool
    se: float | None
    low: float | None
    high: float | None
    better: float | None


def difference(reference: Accuracies, other: Accuracies) -> Difference | None:
    """Return the difference, paired where any initialisation is shared; `None` where a side has no network."""
    shared = sorted(reference.keys() & other.keys())
    if shared:
        gains = [other[seed] - reference[seed] for seed in shared]
        sd = standard_deviation(gains)
        se = None if sd is None else sd / math.sqrt(len(gains))
        better = sum((gain > 0) + (gain == 0) / 2 for gain in gains)
        return _difference(_mean(gains), len(gains), se, len(gains) - 1.0, better)
    if not reference or not other:
        return None
    sides = [list(side.values()) for side in (reference, other)]
    mean = _mean(sides[1]) - _mean(sides[0])
    networks = len(sides[0]) + len(sides[1])
    sds = [standard_deviation(side) for side in sides]
    variances = [sd**2 / len(side) for sd, side in zip(sds, sides, strict=True) if sd is not None]
    if len(variances) < 2:
        return _difference(mean, networks, None, 0.0, None)
    terms = [variance**2 / (len(side) - 1) for variance, side in zip(variances, sides, strict=True)]
    freedom = sum(variances) ** 2 / sum(terms) if sum(terms) else math.inf
    return _difference(mean, networks, math.sqrt(sum(variances)), freedom, None)


def _difference(mean: float, networks: int, se: float | None, freedom: float, better: float | None) -> Difference:
    if se is None:
        return Difference(mean, networks, better is not None, None, None, None, better)
    half = se * student_t(freedom)
    return Difference(mean, networks, better is not None, se, mean - half, mean + half, better)


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)

"""What distilled sets are worth beside the whole data: the distillation ratio, and the A % distillation size.

The ratio r_M is the accuracy that M distilled examples give over that of the same network trained on all of the data; the A %
distillation size is the least M with a ratio of A % or more (Sucholutsky and Schonlau, arXiv 1910.02551, section 4.1).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.estimate import Estimate

__all__ = ["SHARES", "Point", "Ratio", "Size", "ratio", "sizes"]

SHARES = (0.9, 0.95, 0.99)
"""The shares A of the full-data accuracy for which a size is told."""


@dataclass(frozen=True)
class Ratio:
    """``value`` is 1 where distilled examples are as good as all data.

    ``sd_networks`` and ``sd_groups`` are the accuracies' deviations over the full-data mean; ``se`` counts the standard errors of
    both means, taken as independent, to first order. ``full`` is the accuracy on the full data.
    """

    value: float
    sd_networks: float | None
    sd_groups: float | None
    se: float | None
    full: Estimate


@dataclass(frozen=True)
class Point:
    """A number of distilled examples and the mean accuracy that they give; ``name`` says whose they are."""

    examples: int
    accuracy: float
    name: str


@dataclass(frozen=True)
class Size:
    """The least number of ``examples`` with ``share`` of the full-data accuracy, and whose they are; `None` where none has it."""

    share: float
    examples: int | None
    name: str | None


def ratio(accuracy: Estimate | None, full: Estimate | None) -> Ratio | None:
    """Return the distillation ratio; `None` where either is not measured, or the full data give an accuracy of 0."""
    if accuracy is None or full is None or full.mean == 0:
        return None
    value = accuracy.mean / full.mean
    errors = (accuracy.se, full.se)
    # d(a / f) = (da - (a / f) df) / f
    se = None if None in errors else math.hypot(errors[0] or 0.0, value * (errors[1] or 0.0)) / full.mean
    return Ratio(value, _over(accuracy.sd_networks, full.mean), _over(accuracy.sd_groups, full.mean), se, full)


def sizes(points: Iterable[Point], full: Estimate | None, shares: Sequence[float] = SHARES) -> tuple[Size, ...]:
    """Return the distillation size for each of ``shares``; none where the full data are not measured.

    Of several points with the least number of examples the most accurate is named.
    """
    if full is None:
        return ()
    ranked = sorted(points, key=lambda point: (point.examples, -point.accuracy, point.name))
    return tuple(_size(ranked, share, full.mean) for share in shares)


def _size(ranked: Sequence[Point], share: float, full: float) -> Size:
    found = next((point for point in ranked if point.accuracy >= share * full), None)
    return Size(share, None, None) if found is None else Size(share, found.examples, found.name)


def _over(deviation: float | None, mean: float) -> float | None:
    return None if deviation is None else deviation / mean

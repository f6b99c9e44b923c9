"""How many initialisations a trial deserves: at each look it is compared with the incumbent, and stopped where it is far behind.

The incumbent of trial n is the best ``complete`` trial up to n - L (L is the search's lag), by its mean over all initialisations
of the last look. Both are compared on the initialisations that the trial has been measured on, which have the same seeds. All
that decides is known when the trial is asked, but for its own rows: no order of completion changes a verdict.
"""

from __future__ import annotations

import bisect
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.ledger import Ledger
from orchestrator.race_threshold import evidence_of, threshold

__all__ = ["Race", "Rival", "evidence"]


@dataclass(frozen=True)
class Rival:
    """What a trial is measured against. ``accuracies`` are by initialisation; ``evidence`` of ``threshold`` or more stops it."""

    trial: int
    accuracies: Sequence[float]
    spread: float
    """A standard deviation over initialisations, below which no difference's is taken to lie; see `evidence`."""
    threshold: float

    def is_ahead(self, own: Sequence[float]) -> bool:
        """Say whether a trial with these accuracies, of the first initialisations, is so far behind that it is stopped."""
        return evidence(self.accuracies[: len(own)], own, self.spread) >= self.threshold


def evidence(rival: Sequence[float], own: Sequence[float], spread: float) -> float:
    """Return how clearly ``rival`` is ahead of ``own`` on the same initialisations, as a standard normal deviate.

    The differences' variance is at least ``spread`` squared: where one network in ten fails, none of the first few may have
    done so yet, and their differences vary less than those to come.
    """
    gaps = [one - other for one, other in zip(rival, own, strict=True)]
    mean = math.fsum(gaps) / len(gaps)
    variance = max(math.fsum((gap - mean) ** 2 for gap in gaps) / (len(gaps) - 1), spread**2)
    if variance == 0:
        return math.copysign(math.inf, mean) if mean else 0.0
    return float(evidence_of(mean, variance, len(gaps)))


class Race:
    """The rivals of a search's trials, from its finished ones. Raises nothing; without a complete trial there is no rival."""

    def __init__(self, looks: tuple[int, ...], risk: float, lag: int, ledger: Ledger) -> None:
        self._looks, self._risk, self._lag, self._ledger = looks, risk, lag, ledger
        self._seen = 0
        self._variances: list[float] = []
        self._best: Mapping[str, Any] | None = None
        self._accuracies: tuple[int, list[float]] = (-1, [])

    def rival(self, number: int) -> Rival | None:
        """Return whom trial ``number`` is compared with. Trials are asked in order, each when those up to n - L are finished."""
        seen = max(0, number - self._lag + 1)
        for finished in range(self._seen, seen):
            self._take(self._ledger.trials[finished])
        self._seen = max(self._seen, seen)
        if self._best is None or len(self._looks) < 2:
            return None
        # The incumbent is likely among the wildest: those have the largest means by luck.
        spread = math.sqrt(max(statistics.median(self._variances), _variance(self._best)))
        limit = threshold(self._looks, self._risk, seen)
        return Rival(self._best["trial"], self._of_best(self._best["trial"]), spread, limit)

    def _take(self, row: Mapping[str, Any]) -> None:
        if row["status"] == "complete":
            bisect.insort(self._variances, _variance(row))
            if self._best is None or row["accuracy_mean"] > self._best["accuracy_mean"]:
                self._best = row

    def _of_best(self, trial: int) -> list[float]:
        if self._accuracies[0] != trial:
            series = (trial, "search", 0, 0, "validation", self._ledger.recipe(trial).network)
            self._accuracies = (trial, self._ledger.in_order(series))
        return self._accuracies[1]


def _variance(row: Mapping[str, Any]) -> float:
    return float(row["accuracy_sd"] or 0.0) ** 2

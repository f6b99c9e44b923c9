"""Which distillations are not worth finishing: at each rung, an outer step, a trial has to be among the best that came there.

The rule is that of asynchronous successive halving (Li et al. 2018, arXiv 1810.05934), in its stopping form: a trial goes on past
a rung unless a share of 1 / reduction or more of all values there, its own with them, is better. Compared are only trials up to
n - L, where L is the search's lag, so that no order of completion changes a verdict. Before there are as many values as the
reduction says, every trial goes on.
"""

from __future__ import annotations

import bisect
import math
import statistics
from collections.abc import Mapping, Sequence

from distiller.recipe import Recipe
from orchestrator.ledger import Ledger, Series
from orchestrator.rung_phase import rung_phase

__all__ = ["Rungs", "rung_series", "rung_values", "rungs_below"]


class Rungs:
    """The values at each rung of a search's finished trials."""

    def __init__(self, rungs: Sequence[int], reduction: int, lag: int, ledger: Ledger) -> None:
        self._reduction, self._lag, self._ledger = reduction, lag, ledger
        self._values: dict[int, list[float]] = {rung: [] for rung in rungs}
        self._seen = 0

    def least(self, number: int) -> dict[int, float]:
        """Return the least value with which trial ``number`` goes on, by rung. Trials are asked in order; see `Race.rival`."""
        seen = max(0, number - self._lag + 1) if self._values else 0
        for finished in range(self._seen, seen):
            if self._ledger.trials[finished]["status"] == "failed":
                continue
            network = self._ledger.recipe(finished).network
            for rung, value in rung_values(self._ledger, finished, network, list(self._values)).items():
                bisect.insort(self._values[rung], value)
        self._seen = max(self._seen, seen)
        return {rung: self._least(values) for rung, values in self._values.items()}

    def _least(self, values: Sequence[float]) -> float:
        among = len(values) + 1
        if among < self._reduction:
            return -math.inf
        # Stopped are those that as many as this are better than.
        return values[-math.ceil(among / self._reduction)]


def rungs_below(rungs: Sequence[int], recipe: Recipe) -> list[int]:
    """Return the rungs that a distillation of ``recipe`` comes to before its end."""
    return [rung for rung in rungs if rung < recipe.outer_steps]


def rung_series(trial: int, rung: int, network: str) -> Series:
    """Return the key of the evaluations of a trial's set at a rung."""
    return (trial, rung_phase(rung), 0, 0, "validation", network)


def rung_values(ledger: Ledger, trial: int, network: str, rungs: Sequence[int]) -> Mapping[int, float]:
    """Return the mean accuracies of a trial at the rungs where it was measured."""
    found = {rung: ledger.in_order(rung_series(trial, rung, network)) for rung in rungs}
    return {rung: statistics.fmean(values) for rung, values in found.items() if values}

"""What the committed rows say: which trials are finished, and which networks are measured.

The ledger is a fold over rows; a driver that resumes folds those on disk, and then, like any driver, each row that it appends.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from distiller.recipe import Recipe
from orchestrator.rung_phase import is_rung

__all__ = ["EVALUATION_COLUMNS", "Ledger", "Series"]

Series = tuple[int, str, int, int, str, str]
"""The key of an evaluation without its ``init``: trial, phase, run, draw, split, network."""


EVALUATION_COLUMNS = (
    "trial", "phase", "run", "draw", "split", "network", "init", "accuracy", "seconds", "distilled",
)  # fmt: skip
"""What the ledger reads of an evaluation; the others may be left out."""


class Ledger:
    """The finished trials, by number, and the accuracies of each series of evaluations, by initialisation."""

    def __init__(self, trials: Iterable[Mapping[str, Any]] = (), evaluations: Iterable[Mapping[str, Any]] = ()) -> None:
        self.trials: dict[int, Mapping[str, Any]] = {}
        self.accuracies: dict[Series, dict[int, float]] = defaultdict(dict)
        self.seconds: dict[Series, float] = defaultdict(float)
        self.distilled: dict[tuple[int, int], str] = {}
        """The set that a trial's run distilled, by (trial, run), where a network was trained on it."""
        self.diverged: set[tuple[int, int]] = set()
        """Runs of the final, by (trial, run), that diverged: they have no set, and are not tried again."""
        for row in trials:
            self.add_trial(row)
        self.add_evaluations(evaluations)

    def add_trial(self, row: Mapping[str, Any]) -> None:
        """Take in a finished trial."""
        self.trials[row["trial"]] = row

    def add_evaluations(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take in measured networks."""
        for row in rows:
            series = (row["trial"], row["phase"], row["run"], row["draw"], row["split"], row["network"])
            self.accuracies[series][row["init"]] = row["accuracy"]
            self.seconds[series] += row["seconds"]
            if row["distilled"] is not None and not is_rung(row["phase"]):
                self.distilled[row["trial"], row["run"]] = row["distilled"]

    def add_curves(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take in outer steps of runs of the final; one whose loss or meta-gradient was not finite ended its run."""
        for row in rows:
            if row["loss"] is None or row["gradient_norm"] is None:
                self.diverged.add((row["trial"], row["run"]))

    def missing(self, series: Series, first: int, last: int) -> list[int]:
        """Return the initialisations of ``first`` .. ``last - 1`` that are not measured yet."""
        measured = self.accuracies.get(series, {})
        return [init for init in range(first, last) if init not in measured]

    def in_order(self, series: Series) -> list[float]:
        """Return the accuracies of a series by initialisation, so that sums over them do not depend on who came first."""
        measured = self.accuracies.get(series, {})
        return [measured[init] for init in sorted(measured)]

    def mean(self, phase: str, run: int) -> float:
        """Return the mean accuracy over all series of ``phase`` and ``run``, minus infinity where there is none."""
        wanted = sorted(series for series in self.accuracies if series[1] == phase and series[2] == run)
        values = [value for series in wanted for value in self.in_order(series)]
        return sum(values) / len(values) if values else -math.inf

    def recipe(self, trial: int) -> Recipe:
        """Return the recipe of a finished trial."""
        return Recipe.parse(json.loads(self.trials[trial]["recipe"]))

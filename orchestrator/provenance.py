"""A distilled set with what is known of it: its run, its recipe, and how well networks do that were trained on it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from distiller.distilled import Distilled
from orchestrator.chosen import chosen_trial
from orchestrator.ledger import Ledger
from orchestrator.opening import Run, RunError, is_run, load, open_run
from orchestrator.place import Place

__all__ = ["Measured", "Origin", "Provenance", "find"]


@dataclass(frozen=True)
class Measured:
    """The accuracies (0 .. 1) of ``networks`` networks that were trained on the set; ``sd`` is `None` for one."""

    phase: str
    split: str
    network: str
    networks: int
    mean: float
    sd: float | None


@dataclass(frozen=True)
class Origin:
    """The run and the trial that a set comes from; ``recipe`` is the trial's, settled."""

    sweep: str
    about: str
    trial: int
    recipe: Mapping[str, Any]
    measured: tuple[Measured, ...]


@dataclass(frozen=True)
class Provenance:
    """A set and its ``source``, the path that it was found by; a file knows of no run."""

    distilled: Distilled
    source: str
    origin: Origin | None

    @property
    def name(self) -> str:
        """The sweep's name, of a file its own."""
        return self.origin.sweep if self.origin else Path(self.source).stem


def find(source: Place, trial: str | None = None) -> Provenance:
    """Find a set: of a run's ``trial`` (its number, or ``best``, as where it is left out), or of a file, which has no trials.

    Raises `RunError` where there is none, `DistilledError` for a file that holds something else.
    """
    if is_run(source):
        return _of_run(open_run(source), trial or "best")
    distilled = load(source)
    if trial is not None:
        raise RunError(f"{source}: is no run, which --trial {trial} speaks of; leave it out, or name a run")
    return Provenance(distilled, str(source), None)


def _of_run(run: Run, trial: str) -> Provenance:
    ledger = Ledger(run.table("trials").to_pylist())
    number = chosen_trial(run.folder, ledger, trial)
    distilled = run.distilled(number)
    recipe = json.loads(ledger.trials[number]["recipe"])
    measured = _measured(run, distilled.digest())
    return Provenance(distilled, str(run.folder), Origin(run.sweep.name, run.sweep.about, number, recipe, measured))


def _measured(run: Run, digest: str) -> tuple[Measured, ...]:
    """Return the means over all networks that were trained on the set of that digest, by phase, split and network."""
    rows = [row for row in run.table("evaluations").to_pylist() if row["distilled"] == digest]
    found = []
    for key, group in groupby(sorted(rows, key=_order), lambda row: (row["phase"], row["split"], row["network"])):
        accuracies = [row["accuracy"] for row in group]
        sd = statistics.stdev(accuracies) if len(accuracies) > 1 else None
        found.append(Measured(*key, len(accuracies), statistics.fmean(accuracies), sd))
    return tuple(found)


def _order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["phase"], row["split"], row["network"], row["trial"], row["run"], row["init"]

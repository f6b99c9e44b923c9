"""What a run's files say at one moment, trial by trial, as another tool wants to hear it."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from orchestrator.opening import Run
from orchestrator.records import Row, read
from orchestrator.run_files import read_events

__all__ = ["BASELINES", "Curve", "Measured", "Point", "Story", "TrialStory", "read_story"]

BASELINES = -1
"""The number under which baselines, and networks trained on all of the data, are told."""
_FIGURES = ("loss", "accuracy", "gradient_norm", "validation")
_SERIES = ("trial", "phase", "split", "network", "run")


@dataclass(frozen=True)
class Point:
    """An outer step: its finite figures by name, and the seconds from the start of the distillation to its end."""

    step: int
    seconds: float
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Curve:
    """The outer steps of one distillation run, in order."""

    run: int
    rows: pa.Table

    def name(self, figure: str) -> str:
        """Return what a figure of it is called in other tools."""
        return f"distillation/{figure}" + (f"/run-{self.run}" if self.run else "")

    def points(self, after: int = -1) -> Iterator[Point]:
        """Yield the outer steps later than ``after``."""
        seconds = 0.0
        for row in self.rows.to_pylist():
            seconds += row["seconds"]
            if row["outer_step"] > after:
                known = {name: row[name] for name in _FIGURES if row[name] is not None and math.isfinite(row[name])}
                yield Point(row["outer_step"], seconds, known)


@dataclass(frozen=True)
class Measured:
    """Networks of one kind, trained on one distillation run's set: their accuracies, fractions of 1, by initialisation."""

    phase: str
    split: str
    network: str
    run: int
    accuracies: Sequence[float]

    @property
    def name(self) -> str:
        """What their mean is called in other tools."""
        return "/".join(("accuracy", self.phase, self.split, self.network) + ((f"run-{self.run}",) if self.run else ()))

    @property
    def mean(self) -> float:
        """Their mean."""
        return math.fsum(self.accuracies) / len(self.accuracies)


@dataclass(frozen=True)
class TrialStory:
    """A trial: its row once it is finished, its distillations and what was measured so far, but for the tuning of baselines."""

    number: int
    row: Row | None = None
    curves: Sequence[Curve] = ()
    measured: Sequence[Measured] = ()
    began: datetime | None = None

    @property
    def name(self) -> str:
        """What it is called in other tools; names sort as numbers do."""
        return "baselines" if self.number == BASELINES else f"trial-{self.number:04}"

    def parameters(self) -> dict[str, bool | int | float | str]:
        """Return what the search chose and the rest of the recipe, as other tools take it: lists and mappings in JSON."""
        if self.row is None:
            return {}
        recipe = json.loads(self.row["recipe"])
        return {
            key: value if isinstance(value, bool | int | float | str) else json.dumps(value)
            for key, value in recipe.items()
        }

    def rungs(self) -> dict[int, float]:
        """Return the mean accuracy, on validation, at each outer step where the set was measured before it was finished."""
        parts = [(each.phase.partition("/"), each) for each in self.measured]
        return {int(step): each.mean for (kind, _, step), each in parts if kind == "rung" and step.isdecimal()}


@dataclass(frozen=True)
class Story:
    """A run and its trials by number, those without a row or a network yet left out; `BASELINES` is the first where any is."""

    run: Run
    trials: Sequence[TrialStory]
    began: datetime | None = None


def read_story(run: Run) -> Story:
    """Read a run's tables. Raises `RecordsError` for one that is damaged."""
    # Trials first: what sums up evaluations is published after them, so a trial that is seen has its evaluations.
    rows = {int(row["trial"]): row for row in read(run.folder, "trials").to_pylist()}
    curves = _curves(read(run.folder, "curves", ["trial", "run", "outer_step", *_FIGURES, "seconds"]))
    measured = _measured(read(run.folder, "evaluations", [*_SERIES, "draw", "init", "accuracy"]))
    events = read_events(run.folder)
    # The last time, for a trial's row counts the seconds of the driver that ended it.
    started = [each for each in events if each.name == "job_started" and each.about.get("stage") == "search"]
    began = {each.about["trial"]: each.time for each in started}
    numbers = sorted(rows.keys() | curves.keys() | measured.keys())
    trials = [
        TrialStory(number, rows.get(number), curves.get(number, ()), measured.get(number, ()), began.get(number))
        for number in numbers
    ]
    return Story(run, trials, events[0].time if events else None)


def _curves(rows: pa.Table) -> dict[int, list[Curve]]:
    found = defaultdict(list)
    for (trial, run), part in _grouped(rows, ("trial", "run"), ("outer_step",)):
        found[trial].append(Curve(run, part))
    return found


def _measured(rows: pa.Table) -> dict[int, list[Measured]]:
    found = defaultdict(list)
    rows = rows.filter(pc.invert(pc.starts_with(rows["phase"], "tune/")))
    for (trial, phase, split, network, run), part in _grouped(rows, _SERIES, ("draw", "init")):
        found[trial].append(Measured(phase, split, network, run, part["accuracy"].to_pylist()))
    return found


def _grouped(rows: pa.Table, by: Sequence[str], then: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], pa.Table]]:
    """Yield the rows of each group with its key, in order of key; within a group by the columns ``then``."""
    rows = rows.sort_by([(name, "ascending") for name in (*by, *then)]).combine_chunks()
    if not rows.num_rows:
        return
    columns = [rows[name].to_numpy() for name in by]
    differs = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    starts = [0, *(np.flatnonzero(differs) + 1).tolist()]
    for first, last in zip(starts, [*starts[1:], rows.num_rows], strict=True):
        part = rows.slice(first, last - first)
        yield tuple(part[name][0].as_py() for name in by), part

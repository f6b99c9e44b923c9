"""What a run's folder says of it, read without a lease: while its driver works, after it has died, or years later."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from orchestrator.baseline_plan import BESIDES, NEIGHBOURS
from orchestrator.events import event_lines
from orchestrator.full_plan import full_jobs
from orchestrator.ledger import Ledger
from orchestrator.opening import open_run
from orchestrator.place import Place
from orchestrator.plan import Job, final_jobs, unmeasured
from orchestrator.records import Row, read
from sweeps import Sweep

__all__ = ["Event", "RunFiles", "read_events", "read_run"]


@dataclass(frozen=True)
class RunFiles:
    """A run as its files have it.

    ``finals`` holds the number of trials of each final, ``ended`` beside each the time budget that ended its search, if one did.
    ``evaluations`` leaves out the search's, which the trials' rows sum up, and
    ``networks`` counts them too. ``diverged_runs`` holds (trial, run) of the final's distillations that diverged, and of
    baselines' (trial -1); ``run_seconds`` and ``baseline_seconds`` are what these two took.
    """

    folder: Place
    sweep: Sweep
    finals: tuple[int, ...]
    ended: tuple[str | None, ...]
    trials: list[Row]
    evaluations: list[Row]
    networks: int
    diverged_runs: frozenset[tuple[int, int]]
    run_seconds: float
    baseline_seconds: float

    @property
    def trials_total(self) -> int:
        """Trials that are asked for; one where nothing is searched."""
        return self.finals[-1]

    def stage(self) -> str:
        """Return what is not finished yet: search, final, baselines; or done."""
        if len(self.trials) < self.trials_total:
            return "search"
        ledger = Ledger(self.trials, self.evaluations)
        about = (self.sweep, ledger, len(self.finals))
        if self._is_open(final_jobs(*about), ledger):
            return "final"
        return "baselines" if any(self._is_open(jobs(*about), ledger) for jobs in (full_jobs, *BESIDES)) else "done"

    def _is_open(self, jobs: Sequence[Job], ledger: Ledger) -> bool:
        """Say whether a network of ``jobs`` is not measured yet; a run that diverged has none."""
        return any(
            unmeasured(job, ledger) for job in jobs if not (job.distils and (job.trial, job.run) in self.diverged_runs)
        )


@dataclass(frozen=True)
class Event:
    """A line of the event log."""

    time: datetime
    name: str
    about: dict[str, Any]


def read_run(folder: Place) -> RunFiles:
    """Read the run in ``folder``.

    Raises `RunError` where there is none or its sweep cannot be read, `RecordsError` for a damaged table.
    """
    opened = open_run(folder)
    # Trials first: what sums up evaluations is published after them, so a trial that is seen has its evaluations.
    trials = read(folder, "trials").to_pylist()
    # The search's may be a million, which would fill memory.
    evaluations = read(folder, "evaluations", keep=pc.field("phase") != "search").to_pylist()
    networks = read(folder, "evaluations", ["network"])["network"]
    curves = _beside_the_search(read(folder, "curves", ["trial", "run", "loss", "gradient_norm", "seconds"]))
    of_baselines = pc.less(curves["trial"], 0)
    not_finite = curves.filter(pc.or_(pc.is_null(curves["loss"]), pc.is_null(curves["gradient_norm"])))
    return RunFiles(
        folder=folder,
        sweep=opened.sweep,
        finals=opened.finals,
        ended=opened.ended,
        trials=sorted(trials, key=lambda row: int(row["trial"])),
        evaluations=evaluations,
        networks=pc.sum(pc.not_equal(networks, NEIGHBOURS)).as_py() or 0,
        diverged_runs=frozenset((row["trial"], row["run"]) for row in not_finite.select(["trial", "run"]).to_pylist()),
        run_seconds=_seconds(curves.filter(pc.invert(of_baselines))),
        baseline_seconds=_seconds(curves.filter(of_baselines)),
    )


def read_events(folder: Place) -> list[Event]:
    """Return the event log of the run in ``folder``; lines that are no events, such as one that a crash cut, are left out."""
    return [event for line in event_lines(folder) if (event := _event(line)) is not None]


def _event(line: str) -> Event | None:
    try:
        about = json.loads(line)
        return Event(datetime.fromisoformat(about.pop("time")), str(about.pop("event")), about)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _beside_the_search(curves: pa.Table) -> pa.Table:
    """Return the rows of runs that the final added, for run 0 is the search's, and of baselines, whose trial is -1."""
    return curves.filter(pc.or_(pc.greater(curves["run"], 0), pc.less(curves["trial"], 0)))


def _seconds(curves: pa.Table) -> float:
    return float(pc.sum(curves["seconds"]).as_py() or 0.0)

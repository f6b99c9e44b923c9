"""Distil a trial anew and compare: every logged outer step, and the set that came of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import pyarrow.compute as pc

from distiller.distilled import Distilled
from orchestrator.chosen import chosen_trial
from orchestrator.executor import Executor
from orchestrator.ledger import Ledger
from orchestrator.opening import Run, RunError
from orchestrator.plan import Job
from orchestrator.records import Row
from orchestrator.sameness import Versions, compare, other_version
from orchestrator.storage import Storage
from orchestrator.trained import Networks, TrainedNetworks
from orchestrator.work import Work

__all__ = ["distilled_trial", "redistil"]

_SEGMENT = 100  # outer steps of a task, where the sweep names no number
_COMPARED = ("loss", "accuracy", "gradient_norm", "validation")
_MOST_LINES = 10  # of steps that differ


def distilled_trial(run: Run, trial: str) -> Row:
    """Return the row of ``trial``, a number or ``best``; raises `RunError` where there is none that distilled to its end."""
    ledger = Ledger(run.table("trials").to_pylist())
    number = chosen_trial(
        run.folder, ledger, trial, lambda row: row["status"] not in ("failed", "pruned"), "was not distilled to its end"
    )
    return dict(ledger.trials[number])


def redistil(executor: Executor, run: Run, job: Job, row: Row, versions: Versions) -> tuple[list[str], str | None]:
    """Return a line for each difference between a trial's distillation (``job``, ``row``) and the same done anew.

    Where bits need not be equal, for the reason returned beside, only the first outer step is compared, to rounding: what
    follows amplifies it. Raises `RunError` where a segment cannot be computed.
    """
    value = _distilled(executor, run, job)
    where = f"trial {job.trial}, run {job.run}"
    excused = _excuse(run, job, value["device"], versions)
    lines = _curve(where, _logged(run, job), value["curve"], excused)
    if excused is None:
        digest = None if value["distilled"] is None else Distilled.from_bytes(value["distilled"]).digest()
        if digest != row["distilled"]:
            lines.append(f"{where}: distilled {row['distilled']} in the run, {digest} anew")
        diverged = "diverged" if value["diverged"] else "complete"
        if row["status"] in ("diverged", "complete") and row["status"] != diverged:
            lines.append(f"{where}: {row['status']} in the run, {diverged} anew")
    return lines, excused


def _excuse(run: Run, job: Job, device: str, versions: Versions) -> str | None:
    """Return why bits need not be equal; the device is that of the trial's evaluations, where it has any."""
    evaluations = run.table("evaluations")
    devices = pc.unique(evaluations.filter(pc.equal(evaluations["trial"], job.trial))["device"]).to_pylist()
    if devices and device not in devices:
        return f"device {device} instead of {devices[0]}"
    return other_version(versions)


def _distilled(executor: Executor, run: Run, job: Job) -> Mapping[str, Any]:
    """Run segments to the recipe's end, or to where it diverges; return what the last of them gave."""
    work, value = Work(job, deque(), TrainedNetworks(Storage(run.folder), read_only=True)), None
    while (call := work.next_call(run.sweep.resources.segment or _SEGMENT)) is not None:
        if isinstance(call.tag[1], Networks):
            raise RunError(f"{run.folder}: pre-trained networks of trial {job.trial} are not there, or damaged")
        executor.submit(call)
        while not (ended := executor.wait(1.0)):
            pass
        if (failure := ended[0].failure) is not None:
            raise RunError(f"{run.folder}: trial {job.trial} cannot be distilled anew: {failure.message}")
        value = ended[0].value
        work.state, work.outer_step = value["state"], value["outer_step"]
        work.diverged, work.distilled = value["diverged"], value["distilled"]
    assert value is not None
    result: Mapping[str, Any] = value
    return result


def _logged(run: Run, job: Job) -> dict[int, Row]:
    curves = run.table("curves")
    own = pc.and_(pc.equal(curves["trial"], job.trial), pc.equal(curves["run"], job.run))
    return {row["outer_step"]: row for row in curves.filter(own).to_pylist()}


def _curve(where: str, logged: Mapping[int, Row], curve: Mapping[str, Any], excused: str | None) -> list[str]:
    steps = range(len(curve["loss"])) if excused is None else range(1)
    lines = (
        [] if excused or len(logged) == len(steps) else [f"{where}: {len(logged)} steps in the run, {len(steps)} anew"]
    )
    for step in steps:
        for name in (name for name in _COMPARED if name in curve):
            kept, found = logged.get(step, {}).get(name), curve[name][step]
            same = compare(name, kept, found)
            if same == "other" or (same == "rounding" and excused is None):
                lines.append(f"{where}, outer step {step}: {name} {kept} in the run, {found} anew")
    return (
        lines if len(lines) <= _MOST_LINES else [*lines[:_MOST_LINES], f"{where}: and {len(lines) - _MOST_LINES} more"]
    )

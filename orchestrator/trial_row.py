"""A finished trial as a row, and what the search is told of it."""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.ledger import Ledger, Series
from orchestrator.objectives import objective_values
from orchestrator.params import params_row
from orchestrator.rungs import rung_series, rung_values
from orchestrator.search import Outcome
from orchestrator.work import Work
from sweeps import Sweep

__all__ = ["outcome_of", "trial_row"]


def trial_row(
    work: Work, ledger: Ledger, space: Mapping[str, Any] | None, objectives: Sequence[str] = ("accuracy",)
) -> dict[str, Any]:
    """Return the row of the trial of ``work``, which is over, from the networks that ``ledger`` holds of it."""
    recipe = work.job.recipe
    accuracies = ledger.in_order(_measured(work))
    status = "failed" if work.failure else "diverged" if work.diverged else work.verdict or "complete"
    measured = status in ("complete", "raced_out", "pruned")
    mean = statistics.fmean(accuracies) if measured else None
    told = None if status == "pruned" else mean
    sd = statistics.stdev(accuracies) if measured and len(accuracies) > 1 else None
    return {
        "trial": work.job.trial,
        "status": status,
        "cause": work.failure.kind if work.failure else "diverged" if work.diverged else None,
        "params": params_row(space, work.params or {}),
        "recipe": json.dumps(recipe.plain()),
        "objectives": None if told is None else objective_values(objectives, told, work.distilled, recipe.network),
        "inits": len(accuracies),
        "accuracy_mean": mean,
        "accuracy_sd": sd,
        "accuracy_se": None if sd is None else sd / math.sqrt(len(accuracies)),
        "distilled": work.digest,
        "outer_steps": work.outer_step,
        "seconds": time.monotonic() - work.began,
        "device_seconds": work.distil_seconds + sum(ledger.seconds[s] for s in {s.series for s in work.job.shards}),
        "attempts": work.attempts,
        "error": f"{work.failure.message}\n{work.failure.traceback}".strip() if work.failure else work.diverged,
    }


def _measured(work: Work) -> Series:
    """Return the key of the networks that a trial's accuracy is the mean of: the search's, or those of its last rung."""
    if work.verdict == "pruned":
        return rung_series(work.job.trial, work.outer_step, work.job.recipe.network)
    return work.job.shards[0].series


def outcome_of(row: Mapping[str, Any], ledger: Ledger, sweep: Sweep) -> Outcome:
    """Return what the sampler is told of a finished trial."""
    if row["status"] != "pruned" or sweep.search is None:
        return Outcome(row["status"], tuple(row["objectives"] or ()))
    rungs = [rung for rung in sweep.search.rungs if rung <= row["outer_steps"]]
    network = json.loads(row["recipe"])["network"]
    return Outcome("pruned", reports=rung_values(ledger, row["trial"], network, rungs))

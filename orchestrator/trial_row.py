"""A finished trial as a row, and what the search is told of it."""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.ledger import Ledger
from orchestrator.objectives import objective_values
from orchestrator.params import params_row
from orchestrator.search import Outcome
from orchestrator.work import Work

__all__ = ["outcome_of", "trial_row"]


def trial_row(
    work: Work, ledger: Ledger, space: Mapping[str, Any] | None, objectives: Sequence[str] = ("accuracy",)
) -> dict[str, Any]:
    """Return the row of the trial of ``work``, which is over, from the networks that ``ledger`` holds of it."""
    recipe, accuracies = work.job.recipe, ledger.in_order(work.job.shards[0].series)
    status = "failed" if work.failure else "diverged" if work.diverged else "complete"
    mean = statistics.fmean(accuracies) if status == "complete" else None
    sd = statistics.stdev(accuracies) if status == "complete" and len(accuracies) > 1 else None
    return {
        "trial": work.job.trial,
        "status": status,
        "cause": work.failure.kind if work.failure else "diverged" if work.diverged else None,
        "params": params_row(space, work.params or {}),
        "recipe": json.dumps(recipe.plain()),
        "objectives": None if mean is None else objective_values(objectives, mean, work.distilled, recipe.network),
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


def outcome_of(row: Mapping[str, Any]) -> Outcome:
    """Return what the sampler is told of a finished trial."""
    return Outcome(row["status"], tuple(row["objectives"] or ()))

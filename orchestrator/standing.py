"""Where a sweep under way stands, as the views show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from orchestrator.baseline_plan import NEIGHBOURS, amount
from orchestrator.plan import best_trials, networks_of
from orchestrator.schedule import Schedule
from orchestrator.snapshot import Active, Leader, Snapshot
from orchestrator.work import Work

__all__ = ["standing"]


def standing(schedule: Schedule, seconds: float) -> Snapshot:
    """Return what ``schedule`` is doing, ``seconds`` after its driver began."""
    trials = schedule.ledger.trials.values()
    steps, networks = _left(schedule)
    untrained = sum(wanted - there for there, wanted in (work.trained_of for work in schedule.works))
    left, slots = schedule.pace.seconds(steps, networks, untrained), schedule.executor.slots
    return Snapshot(
        name=schedule.sweep.name,
        folder=str(schedule.storage.folder),
        stage=schedule.stage,
        trials_total=schedule.trials,
        statuses=Counter(row["status"] for row in trials),
        networks=sum(len(rows) for series, rows in schedule.ledger.accuracies.items() if series[5] != NEIGHBOURS),
        best=_leader(schedule),
        active=tuple(_active(work) for work in schedule.works if work.running),
        failures=Counter(row["cause"] for row in trials if row["status"] == "failed"),
        busy=min(schedule.in_flight, slots),
        slots=slots,
        seconds=seconds,
        failed_attempts=dict(schedule.failed_attempts),
        # A cluster may have lost its last node, and get another.
        seconds_left=None if left is None or slots == 0 else left / slots,
    )


def _leader(schedule: Schedule) -> Leader | None:
    for trial in best_trials(schedule.ledger, 1):
        row = schedule.ledger.trials[trial]
        return Leader(trial, row["accuracy_mean"], row["accuracy_se"], row["inits"])
    return None


def _active(work: Work) -> Active:
    job, latest = work.job, work.latest
    about = {"loss": latest.get("loss"), "accuracy": latest.get("accuracy")}
    there, wanted = work.trained_of
    if there < wanted:
        return Active(job.trial, job.run, "pre-training", there, wanted)
    if work.is_distilling:
        return Active(job.trial, job.run, "distilling", work.outer_step, job.recipe.outer_steps, **about)
    total = sum(shard.last - shard.first for shard in job.shards)
    out = sum(len(inits) for _, inits in work.missing)
    return Active(job.trial, job.run, "evaluating", total - out, total, **about)


def _left(schedule: Schedule) -> tuple[int, int]:
    """Return how many outer steps and networks are to do, taking trials that are not asked yet for the sweep's own recipe."""
    works = list(_work_left(schedule.works))
    steps, networks = sum(step for step, _ in works), sum(network for _, network in works)
    sweep, stage = schedule.sweep, schedule.stage
    final, baselines = sweep.evaluate.final, amount(sweep, sweep.recipe)
    inits, fresh = (networks_of(sweep.recipe, inits) for inits in (sweep.evaluate.all_inits, final.inits))
    unasked = schedule.trials - schedule.asked if stage == "search" else 0
    steps += unasked * sweep.recipe.outer_steps
    networks += unasked * inits
    if stage == "search":
        top = min(final.top, schedule.trials)
        steps += top * final.runs * sweep.recipe.outer_steps + baselines.outer_steps
        networks += top * (final.runs + 1) * fresh * len(final.networks or [None])
        networks += baselines.tuning
    if stage in ("search", "final"):
        networks += baselines.measured
    return steps, networks


def _work_left(works: list[Work]) -> Iterator[tuple[int, int]]:
    for work in works:
        steps = work.job.recipe.outer_steps - work.outer_step if work.is_distilling else 0
        yield steps, sum(len(inits) for _, inits in work.missing)

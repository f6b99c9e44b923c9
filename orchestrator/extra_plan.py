"""What a user asks for beside a sweep, as work: a finished trial's set on more networks, trained in ways that are not its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchestrator.ledger import Ledger
from orchestrator.plan import Job, networks_of, recipe_of, shards_of, unmeasured
from orchestrator.ways import Way, rates_of, way_of
from sweeps import Sweep

__all__ = ["extra_jobs", "extra_jobs_of", "extra_tune_jobs", "tuned"]


def extra_jobs(
    sweep: Sweep, ledger: Ledger, trial: int, inits: int, networks: Sequence[str], ways: Sequence[Way]
) -> list[Job]:
    """Return the work of measuring a complete trial's set in each way, on the test split and seeds of its own, as far as known.

    A way whose rate is to be tuned is left out until every rate is measured.
    """
    found = [(network, tuned(sweep, ledger, trial, network, way)) for way in ways for network in networks]
    return [
        _job(sweep, ledger, trial, network, way, "test", inits, "extra") for network, way in found if way is not None
    ]


def extra_tune_jobs(
    sweep: Sweep, ledger: Ledger, trial: int, networks: Sequence[str], ways: Sequence[Way]
) -> list[Job]:
    """Return the work that tunes the rates that are not given, on the validation split: one job a network and a rate."""
    return [
        job
        for way in ways
        if not way.is_tuned
        for network in networks
        for job in _tune_jobs(sweep, ledger, trial, network, way)
    ]


def tuned(sweep: Sweep, ledger: Ledger, trial: int, network: str, way: Way) -> Way | None:
    """Return the way with the rate of the best mean on the validation split, of equals the smaller one.

    `None` while not every rate is measured: any other would flatter what it is held against.
    """
    if way.is_tuned:
        return way
    jobs = _tune_jobs(sweep, ledger, trial, network, way)
    if any(unmeasured(job, ledger) for job in jobs):
        return None
    means = [_mean(ledger, job) for job in jobs]
    best: Way = jobs[means.index(max(means))].shards[0].way
    return best


def extra_jobs_of(sweep: Sweep, ledger: Ledger, evaluations: Iterable[Mapping[str, Any]]) -> list[Job]:
    """Return the work that the ``evaluations`` of such phases came from, tuning too."""
    found: dict[tuple[int, str, Way, str], int] = {}
    for row in evaluations:
        if row["phase"].partition("/")[0] == "extra":
            key = row["trial"], row["network"], way_of(row), row["split"]
            found[key] = max(found.get(key, 0), row["init"] + 1)
    streams = {"validation": "tune", "test": "extra"}
    return [
        _job(sweep, ledger, trial, network, way, split, inits, streams[split])
        for (trial, network, way, split), inits in found.items()
    ]


def _tune_jobs(sweep: Sweep, ledger: Ledger, trial: int, network: str, way: Way) -> list[Job]:
    assert way.training is not None
    rates = rates_of(way.training, sweep.tuning.rates)
    return [
        _job(sweep, ledger, trial, network, way.at(rate), "validation", sweep.evaluate.all_inits, "tune")
        for rate in rates
    ]


def _job(sweep: Sweep, ledger: Ledger, trial: int, network: str, way: Way, split: str, inits: int, stream: str) -> Job:
    recipe = recipe_of(ledger, trial, 0)
    series = (trial, way.phase, 0, 0, split, network)
    shards = shards_of(sweep, series, 0, networks_of(way.recipe(recipe), inits), stream, way)
    return Job(trial, 0, recipe, shards)


def _mean(ledger: Ledger, job: Job) -> float:
    values = ledger.in_order(job.shards[0].series)
    return sum(values) / len(values)

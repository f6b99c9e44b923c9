"""What comes back from tasks, turned into states, files and rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from distiller.distilled import Distilled
from orchestrator.baseline_plan import NEIGHBOURS
from orchestrator.executor import Completion
from orchestrator.plan import Job
from orchestrator.trained import Networks
from orchestrator.under_way import UnderWay
from orchestrator.ways import Way
from orchestrator.work import Work

__all__ = ["ClusterLost", "EnvironmentBroken", "take"]

_NO_ATTACK = dict.fromkeys(("overall_accuracy", "class_accuracies", "attack_share"))


class ClusterLost(RuntimeError):  # noqa: N818
    """Ray is gone; what was committed stays, and a resume goes on."""


class EnvironmentBroken(RuntimeError):  # noqa: N818
    """A worker lacks what every task wants; mended, a resume goes on."""


_ENDS_ALL: Mapping[str, type[RuntimeError]] = {"cluster": ClusterLost, "environment": EnvironmentBroken}
"""Failures that end the driver."""


def take(under_way: UnderWay, completion: Completion) -> Work:
    """Take in the end of a call; return the work that it was of.

    Raises `ClusterLost`, `EnvironmentBroken`, or `OSError` where rows cannot be written.
    """
    work: Work
    work, what, inits = completion.call.tag
    work.running -= 1
    if completion.failure is not None:
        _take_failure(under_way, work, completion)
        return work
    _log(under_way, completion, "done")
    work.succeed(completion.call)
    if what is None:
        _take_segment(under_way, work, completion.value)
    elif isinstance(what, Networks):
        _take_networks(under_way, what, completion.value)
    else:
        _take_shard(under_way, work, what, inits, completion.value)
    return work


def _take_failure(under_way: UnderWay, work: Work, completion: Completion) -> None:
    failure = completion.failure
    assert failure is not None
    under_way.failed_attempts[failure.kind] += 1
    if failure.kind in _ENDS_ALL:
        _log(under_way, completion, failure.kind, error=failure.message, traceback=failure.traceback)
        raise _ENDS_ALL[failure.kind](_why_all_ends(under_way, completion))
    again = work.fail(completion)
    _log(under_way, completion, failure.kind, again=again, error=failure.message, traceback=failure.traceback)


def _why_all_ends(under_way: UnderWay, completion: Completion) -> str:
    failure, site = completion.failure, completion.site
    assert failure is not None
    resume = f"stillhouse resume {under_way.storage.folder}"
    if failure.kind == "cluster":
        return f"the Ray cluster was lost: {failure.message}; what is committed stays; with a cluster: {resume}"
    where = f" on {site.host}" if site is not None else ""
    cure = f"every node wants the packages, versions and modules of this one; mend it, then: {resume}"
    return f"a worker{where} cannot run tasks: {failure.message}; {cure}"


def _log(under_way: UnderWay, completion: Completion, kind: str, **more: Any) -> None:
    """Say in the events how an attempt ended, and where it ran, as far as known."""
    work, site = completion.call.tag[0], completion.site
    about = {"trial": work.job.trial, "run": work.job.run, "stage": under_way.stage}
    about |= {"task": completion.call.function, "what": work.key_of(completion.call)}
    where = {} if site is None else {"node": site.node, "host": site.host, "pid": site.pid, "gpus": list(site.gpus)}
    device = completion.value["device"] if completion.failure is None else None
    under_way.events.say("attempt", **about, kind=kind, **where, device=device, seconds=completion.seconds, **more)


def _take_networks(under_way: UnderWay, networks: Networks, value: Mapping[str, Any]) -> None:
    under_way.trained.take(networks, value["files"])
    under_way.pace.learn_training(len(networks.seeds), value["seconds"])
    under_way.events.say("networks_trained", networks=len(networks.seeds), seconds=value["seconds"])


def _take_segment(under_way: UnderWay, work: Work, value: Mapping[str, Any]) -> None:
    # The state first, rows after: a crash between the two finds the rows' figures in the state's curve.
    under_way.storage.write_state(work.job, value["state"])
    _log_curve(under_way, work, value)
    under_way.pace.learn(value["steps"], value["seconds"], work.gang)
    work.distil_seconds = sum(value["curve"]["seconds"])
    work.state, work.outer_step, work.diverged = value["state"], value["outer_step"], value["diverged"]
    if value["distilled"] is not None:
        work.digest = under_way.storage.write_distilled(Distilled.from_bytes(value["distilled"]))
        if work.rung is None:
            work.distilled = value["distilled"]
        else:
            work.snapshot = value["distilled"]


def _log_curve(under_way: UnderWay, work: Work, value: Mapping[str, Any]) -> None:
    curve = value["curve"]
    place: dict[str, Any] = {"trial": work.job.trial, "run": work.job.run, "validation": None}
    rows = [
        place | {"outer_step": step} | {name: _finite(values[step]) for name, values in curve.items()}
        for step in range(work.logged, len(curve["loss"]))
    ]
    under_way.records.append("curves", rows)
    if under_way.stage == "search":
        under_way.budget.spend(sum(row["seconds"] for row in rows))
    work.logged = max(work.logged, len(curve["loss"]))
    work.latest = {name: values[-1] for name, values in curve.items() if values}


def _take_shard(under_way: UnderWay, work: Work, shard: Any, inits: Sequence[int], value: Mapping[str, Any]) -> None:
    key = dict(zip(("trial", "phase", "run", "draw", "split", "network"), shard.series, strict=True))
    place = _NO_ATTACK | {name: value[name] for name in ("chunk", "device", "node")}
    place |= {"distilled": work.digest} | _setting(work.job, shard.way)
    rows = [
        key | place | result | {"init": init, "loss": _finite(result["loss"]), "seconds": value["seconds"] / len(inits)}
        for init, result in zip(inits, value["evaluations"], strict=True)
    ]
    under_way.records.append("evaluations", rows)
    under_way.ledger.add_evaluations(rows)
    if under_way.stage == "search":
        under_way.budget.spend(value["seconds"])
    if shard.network != NEIGHBOURS:
        under_way.chunks.learn(shard.network, value)
        under_way.pace.learn_networks(len(inits), value["seconds"])


def _setting(job: Job, way: Way) -> dict[str, Any]:
    """Return the columns that say how a baseline was set, and how networks were trained; null for a distilled set's own way."""
    columns = {name: getattr(job.setting, name, None) for name in ("rate", "neighbours", "norm")}
    return columns | way.columns() | ({} if way.rate is None else {"rate": way.rate})


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None

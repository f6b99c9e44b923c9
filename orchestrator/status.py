"""Where a run stands, by its files alone: what is done, what is left, and which driver is at work on it."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from orchestrator.figures import clock, count, mean_sd, tally
from orchestrator.lease import STALE_SECONDS, Holder
from orchestrator.ledger import Ledger
from orchestrator.place import Place
from orchestrator.plan import best_trials
from orchestrator.run_files import RunFiles, read_events, read_run
from orchestrator.snapshot import Leader
from orchestrator.spared import Spared, spared
from orchestrator.summary import attempt_counts, failure_counts, status_counts

__all__ = ["Driver", "Status", "driver_of", "render_status", "status_of"]


@dataclass(frozen=True)
class Driver:
    """What a run's lease says of its driver; ``alive`` is false where its process is gone or its heartbeat has stopped."""

    host: str
    pid: int
    since: str
    seconds_since_beat: float
    alive: bool


@dataclass(frozen=True)
class Status:
    """Where a run stands. ``measured`` counts networks by phase, ``last_event`` is a time in ISO 8601 and what happened then."""

    name: str
    folder: str
    stage: str
    trials_total: int
    statuses: Mapping[str, int]
    failures: Mapping[str, int]
    failed_attempts: Mapping[str, int]
    networks: int
    measured: Mapping[str, int]
    spared: Spared | None
    best: Leader | None
    driver: Driver | None
    last_event: tuple[str, str] | None
    ended: str | None = None
    """The key of the time budget that ended the search before all its trials were asked."""

    @property
    def standing(self) -> str:
        """``running``, ``done``, or ``stopped``: neither done nor with a driver at work."""
        if self.driver is not None and self.driver.alive:
            return "running"
        return "done" if self.stage == "done" else "stopped"

    def plain(self) -> dict[str, Any]:
        """Return all of it as plain JSON values, with ``version`` (1) and ``standing``; accuracies are fractions."""
        driver = None if self.driver is None else vars(self.driver)
        best = None if self.best is None else vars(self.best)
        spared = None if self.spared is None else vars(self.spared)
        event = None if self.last_event is None else {"time": self.last_event[0], "event": self.last_event[1]}
        return {
            "version": 1,
            "standing": self.standing,
            **vars(self),
            "driver": driver,
            "spared": spared,
            "best": best,
            "last_event": event,
        }


def status_of(folder: Place, now: float | None = None) -> Status:
    """Read where the run in ``folder`` stands, at ``now`` (seconds since 1970).

    Raises `RunError` where there is no run, `RecordsError` for a damaged table.
    """
    files = read_run(folder)
    events = read_events(folder)
    return Status(
        name=files.sweep.name,
        folder=str(folder),
        stage=files.stage(),
        trials_total=files.trials_total,
        statuses=status_counts(files.trials),
        failures=failure_counts(files.trials),
        failed_attempts=attempt_counts(events),
        networks=files.networks,
        measured=_measured(files),
        spared=spared(files.sweep, files.trials),
        best=_best(files),
        driver=driver_of(folder, time.time() if now is None else now),
        last_event=(events[-1].time.isoformat(), events[-1].name) if events else None,
        ended=files.ended[-1],
    )


def render_status(status: Status, console: Console, now: float | None = None) -> None:
    """Print where a run stands at ``now`` (seconds since 1970), in a few lines."""
    console.print(Text.assemble((status.name, "bold"), (f"  {status.folder}", "dim")))
    for line in _lines(status, time.time() if now is None else now):
        console.print(Text(line))


def _lines(status: Status, now: float) -> list[str]:
    stage = "" if status.stage == "done" else f", in stage {status.stage}"
    finished = f"{sum(status.statuses.values()):,} of {count(status.trials_total, 'trial')} finished"
    lines = [f"{status.standing}{stage}", finished + (f": {tally(status.statuses)}" if status.statuses else "")]
    if status.ended is not None:
        lines.append(f"no more are asked: {status.ended} is spent")
    if status.failures:
        lines.append(f"failed by cause: {tally(status.failures)}")
    if status.failed_attempts:
        lines.append(f"failed attempts, tried again where that helps: {tally(status.failed_attempts)}")
    phases = ", ".join(f"{phase} {amount:,}" for phase, amount in status.measured.items())
    lines.append(f"{count(status.networks, 'network')} trained" + (f": {phases}" if phases else ""))
    if status.spared is not None:
        lines.append(status.spared.told())
    if status.best is not None:
        over = f"standard error, {count(status.best.inits, 'initialisation')}, validation"
        lines.append(f"best: trial {status.best.trial}, {mean_sd(status.best.mean, status.best.se)} % ({over})")
    if status.driver is not None:
        lines.append(_describe(status.driver))
    if status.last_event is not None:
        lines.append(f"last event: {status.last_event[1]}, {_when(status.last_event[0], now)}")
    if status.standing == "stopped":
        lines.append(f"go on with: stillhouse resume {status.folder}")
    elif status.standing == "done" and status.failures:
        lines.append(f"try them again with: stillhouse resume {status.folder} --retry-failed")
    return lines


def _when(written: str, now: float) -> str:
    """Return a time in ISO 8601 as how long ago it was, and its minute in UTC."""
    moment = datetime.fromisoformat(written).astimezone(UTC)
    minutes = int(max(0.0, now - moment.timestamp()) // 60)
    sizes = ((minutes // 1440, "day"), (minutes // 60, "hour"), (minutes, "minute"))
    ago = next((f"{count(amount, unit)} ago" for amount, unit in sizes if amount), "less than a minute ago")
    return f"{ago}, {moment:%Y-%m-%d %H:%M} UTC"


def _describe(driver: Driver) -> str:
    who = f"driver: process {driver.pid} on {driver.host} since {driver.since}"
    if driver.alive:
        return f"{who}, last heartbeat {clock(driver.seconds_since_beat)} ago"
    return f"{who}, which is gone"


def _measured(files: RunFiles) -> dict[str, int]:
    outside = Counter(row["phase"] for row in files.evaluations)
    search = files.networks - sum(outside.values())
    return ({"search": search} if search else {}) | dict(sorted(outside.items()))


def _best(files: RunFiles) -> Leader | None:
    ledger = Ledger(files.trials)
    for number in best_trials(ledger, 1):
        row = ledger.trials[number]
        return Leader(number, row["accuracy_mean"], row["accuracy_se"], row["inits"])
    return None


def driver_of(folder: Place, now: float) -> Driver | None:
    """Read the lease at ``now`` (seconds since 1970) without taking part in it: what it says may be over at once."""
    path = folder / "lease.json"
    with contextlib.suppress(OSError, ValueError, TypeError):
        holder = Holder(**json.loads(path.read_bytes()))
        silent = max(0.0, now - path.stat().st_mtime)
        alive = holder.is_running() if holder.is_here() else silent < STALE_SECONDS
        return Driver(holder.host, holder.pid, holder.since, silent, alive)
    return None

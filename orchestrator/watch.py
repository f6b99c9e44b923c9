"""Follow a run from any terminal, over its files alone: what its driver says of itself, until that is gone."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from datetime import UTC, datetime

from orchestrator.opening import open_run
from orchestrator.place import Place
from orchestrator.progress import View
from orchestrator.snapshot import Snapshot
from orchestrator.standing_file import read_standing
from orchestrator.status import Driver, Status, driver_of, status_of

__all__ = ["watch"]

_SECONDS_BETWEEN_LOOKS = 0.5


def watch(
    folder: Place, view: View, now: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep
) -> Status:
    """Show in ``view`` what the driver of the run in ``folder`` does, as long as it is there; return where the run stands then.

    ``now`` gives seconds since 1970. Raises `RunError` where there is no run.
    """
    open_run(folder)
    followed = waited = False
    while (driver := driver_of(folder, now())) is not None and driver.alive:
        found = read_standing(folder)
        if found is not None and found[1] >= _began(driver):
            view.update(_by_now(*found, now()))
            followed = True
        elif not waited:
            view.say(f"process {driver.pid} on {driver.host} is getting ready")
            waited = True
        sleep(_SECONDS_BETWEEN_LOOKS)
    last = read_standing(folder)
    if followed and last is not None:
        view.update(last[0])
    return status_of(folder)


def _began(driver: Driver) -> float:
    """Return when the driver took the run, in seconds since 1970: what lies there from before is another driver's word."""
    return datetime.strptime(driver.since, "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC).timestamp()


def _by_now(snapshot: Snapshot, written: float, now: float) -> Snapshot:
    """Return the snapshot with its clocks moved on by the time since it was written."""
    age = max(0.0, now - written)
    left = None if snapshot.seconds_left is None else max(0.0, snapshot.seconds_left - age)
    return dataclasses.replace(snapshot, seconds=snapshot.seconds + age, seconds_left=left)

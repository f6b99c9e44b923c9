"""Asking the driver of a run to stop, by a file in the run: it works wherever the driver is, and wherever the run lies.

``stop.json`` names the lease that it is meant for, so that one which comes too late stops no later driver.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable

from orchestrator.lease import Holder, read_holder
from orchestrator.opening import open_run
from orchestrator.place import Place
from orchestrator.publish import publish
from orchestrator.status import Driver, driver_of

__all__ = ["ask_to_stop", "is_asked_to_stop"]

_NAME = "stop.json"
_SECONDS_BETWEEN_LOOKS = 0.25


def ask_to_stop(folder: Place, sleep: Callable[[float], None] = time.sleep) -> Driver | None:
    """Ask the driver of the run in ``folder`` to stop, and wait until it is gone; return which it was, `None` where none works.

    Raises `RunError` where there is no run, `OSError` where it cannot be written to.
    """
    open_run(folder)
    holder, driver = read_holder(folder), driver_of(folder, time.time())
    if holder is None or driver is None or not driver.alive:
        return None
    publish(folder / _NAME, json.dumps({"token": holder.token}).encode())
    try:
        while _works(folder, holder):
            sleep(_SECONDS_BETWEEN_LOOKS)
    finally:
        with contextlib.suppress(OSError):
            (folder / _NAME).unlink(missing_ok=True)
    return driver


def is_asked_to_stop(folder: Place, holder: Holder) -> bool:
    """Say whether the driver that holds the run as ``holder`` has been asked to stop."""
    try:
        return bool(json.loads((folder / _NAME).read_bytes())["token"] == holder.token)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _works(folder: Place, holder: Holder) -> bool:
    driver = driver_of(folder, time.time())
    return driver is not None and driver.alive and read_holder(folder) == holder

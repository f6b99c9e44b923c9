"""Mirror a run into another tool, once or for as long as a driver is at work on it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from orchestrator.mirrors.mirror import open_mirror
from orchestrator.mirrors.story import read_story
from orchestrator.opening import open_run
from orchestrator.place import Place
from orchestrator.status import driver_of

__all__ = ["mirror"]

_SECONDS_BETWEEN_LOOKS = 10.0


def mirror(
    folder: Place,
    target: str,
    *,
    follow: bool = False,
    say: Callable[[str], None] = lambda line: None,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Bring the copy of the run in ``folder`` at ``target``, as ``optuna:sqlite:///study.db``, up to the run.

    Return how many trials, the baselines counting as one, were new there or have changed. With ``follow`` again and again while a
    driver is at work, and once more after it has gone. Raises `RunError`, `RecordsError` for a damaged table, `MirrorError`.
    """
    changed: set[str] = set()
    with contextlib.closing(open_mirror(target)) as opened:
        while True:
            run = open_run(folder)
            # Asked before the files are read: what a driver that is gone has left is then read whole.
            at_work = follow and (driver := driver_of(folder, time.time())) is not None and driver.alive
            new = opened.take(read_story(run))
            changed |= new
            if not at_work:
                return len(changed)
            if new:
                say(f"new or changed: {', '.join(sorted(new))}")
            sleep(_SECONDS_BETWEEN_LOOKS)

"""Take turns at a decision about a folder: one process at a time, wherever the folder lies.

On this machine, and on file systems that it shares, that is a lock which the operating system frees with its process. Stores have
no locks: a process publishes a claim, lists the claims, and goes on only if its own is the only one, else it withdraws it and
tries again. Whoever lists later sees the earlier claim, so that two never go on at once where a store lists what has been written
(S3, Google Cloud Storage and Azure do). A claim that a process left when it was killed counts for a minute.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import random
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.place import Place

if TYPE_CHECKING:
    from orchestrator.remote import Remote

__all__ = ["one_at_a_time"]

_CLAIM_SECONDS = 60.0
_PATIENCE_SECONDS = 150.0


@contextlib.contextmanager
def one_at_a_time(folder: Place) -> Iterator[float]:
    """Be the only one in the block, of all that name this ``folder``; give the time by the clock of the folder's file system.

    Raises `TimeoutError` where others never let go.
    """
    with _locked(folder) if isinstance(folder, Path) else _claimed(folder) as now:
        yield now


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[float]:
    """Hold the folder's lock. Its file stays: removing it would make a second lock."""
    with (folder / ".lease.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.utime(lock.fileno())
        yield os.fstat(lock.fileno()).st_mtime


@contextlib.contextmanager
def _claimed(folder: Remote) -> Iterator[float]:
    claim, deadline = folder / f".claim-{secrets.token_hex(8)}", time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        claim.write_bytes(claim.name.encode())
        try:
            now = claim.stat().st_mtime
            if not any(_counts(other, now) for other in folder.glob(".claim-*") if other.name != claim.name):
                yield now
                return
        finally:
            claim.unlink(missing_ok=True)
        time.sleep(random.uniform(0.05, 1.0))
    raise TimeoutError(errno.ETIMEDOUT, "others are taking it all the time", str(folder))


def _counts(claim: Remote, now: float) -> bool:
    """Say whether a claim is of a process that may be alive; remove one that is not."""
    try:
        if now - claim.stat().st_mtime < _CLAIM_SECONDS:
            return True
    except FileNotFoundError:
        return False
    claim.unlink(missing_ok=True)
    return False

"""A folder of its own for a private Ray, so that no other program on the machine finds it, and nothing of it stays behind.

The owner holds a lock on a file in it for as long as it lives. A folder whose lock is free belongs to a process that was killed,
and the next owner removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

__all__ = ["PrivateFolder"]

_PREFIX = "stillhouse-ray-"
_HELD = "held"
_LONGEST_ROOT = 24
"""Characters of the folder's parent; Ray adds 80, and the path of a socket ends at 107."""


class PrivateFolder:
    """A new folder under the folder for temporary files, or under ``/tmp`` where that one's path is too long for sockets."""

    def __init__(self) -> None:
        root = tempfile.gettempdir()
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root if len(root) <= _LONGEST_ROOT else "/tmp"))
        self._lock = os.open(self.path / f".{_HELD}", os.O_CREAT | os.O_RDWR)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        os.rename(self.path / f".{_HELD}", self.path / _HELD)  # visible to others only when locked
        _remove_abandoned(self.path.parent)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _remove_abandoned(root: Path) -> None:
    for held in root.glob(f"{_PREFIX}*/{_HELD}"):
        with contextlib.suppress(OSError):  # another user's, still held, or being removed by a third
            descriptor = os.open(held, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(held.parent, ignore_errors=True)
            finally:
                os.close(descriptor)

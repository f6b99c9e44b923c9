"""What happened in a run, a line of JSON each: for people, never read as truth.

A driver appends to ``events.jsonl``. Stores have no appending: there it leaves a numbered file of ``events/`` now and then, and a
crash costs the lines of some seconds.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.place import Place
from orchestrator.publish import make_folder

__all__ = ["Events", "any_events", "event_lines"]

_NAME, _FOLDER = "events.jsonl", "events"
_SECONDS_BETWEEN_FILES = 5.0


class Events:
    """The log of one run."""

    def __init__(self, folder: Place) -> None:
        self._run = folder
        self._waiting: list[str] = []
        self._written = -math.inf

    def say(self, event: str, **about: Any) -> None:
        """Add one event. A log that cannot be written stops no work."""
        line = json.dumps({"time": datetime.now(UTC).isoformat(), "event": event, **about}, default=str)
        self._waiting.append(line + "\n")
        if isinstance(self._run, Path) or time.monotonic() - self._written >= _SECONDS_BETWEEN_FILES:
            self.flush()

    def flush(self) -> None:
        """Write the events that wait for it; those of a folder of this machine never do."""
        if not self._waiting:
            return
        lines = "".join(self._waiting)
        try:
            if isinstance(self._run, Path):
                with (self._run / _NAME).open("a", encoding="utf-8") as log:
                    log.write(lines)
            else:
                folder = self._run / _FOLDER
                make_folder(folder)
                (folder / f"{1 + max(_numbers(self._run), default=-1):06}.jsonl").write_bytes(lines.encode())
        except OSError:
            if isinstance(self._run, Path):
                self._waiting.clear()
            return
        self._waiting.clear()
        self._written = time.monotonic()


def any_events(folder: Place) -> bool:
    """Say whether a driver has ever begun to work in ``folder``."""
    return (folder / _NAME).exists() or any(True for _ in _numbers(folder))


def event_lines(folder: Place) -> list[str]:
    """Return the lines of the log in ``folder``; none where there is no log, or it cannot be read."""
    files = [folder / _NAME, *((folder / _FOLDER / f"{number:06}.jsonl") for number in sorted(_numbers(folder)))]
    return [line for file in files for line in _text(file).splitlines()]


def _numbers(folder: Place) -> Iterator[int]:
    """Yield the numbers of the files of a log."""
    return (int(file.stem) for file in (folder / _FOLDER).glob("*.jsonl") if file.stem.isdecimal())


def _text(file: Place) -> str:
    try:
        return file.read_bytes().decode("utf-8", errors="replace")
    except OSError:
        return ""

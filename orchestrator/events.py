"""What happened in a run, a line of JSON each: for people, never read as truth."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = ["Events"]


class Events:
    """The log ``events.jsonl`` of one run."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "events.jsonl"

    def say(self, event: str, **about: Any) -> None:
        """Append one event. A log that cannot be written stops no work."""
        line = json.dumps({"time": datetime.now(UTC).isoformat(), "event": event, **about}, default=str)
        try:
            with self._path.open("a", encoding="utf-8") as log:
                log.write(line + "\n")
        except OSError:
            return

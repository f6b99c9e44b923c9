"""The statuses that a command ends with."""

from __future__ import annotations

import signal

__all__ = ["BAD_INPUT", "DONE", "FAILED", "INTERRUPTED", "STOPPED", "UNREAD", "stopped_by"]

DONE, FAILED, BAD_INPUT, STOPPED, INTERRUPTED = 0, 1, 2, 75, 130
UNREAD = 128 + signal.SIGPIPE  # what a shell sees of any program whose reader has gone away


def stopped_by(number: int) -> int:
    """Return the status of a command that the signal ``number`` stopped."""
    return INTERRUPTED if number == signal.SIGINT else STOPPED

"""How long one task may run before its process is taken for stuck."""

from __future__ import annotations

from collections import Counter

from orchestrator.executor import Call

__all__ = ["TimeLimit"]

_AT_LEAST = 3600.0
"""Seconds that any task has where the sweep names no limit."""
_TIMES_LONGEST = 20.0
"""How much longer a task may take than any of its function so far; trials of one search differ in cost by much."""
_KNOWN = 3
"""Tasks of a function that have to have ended before there is a limit for it."""
_SECOND_TRY = 10.0
"""By how much a limit grows with each time-out, where it was not the sweep that set it: a slow task is not a stuck one."""


class TimeLimit:
    """The sweep's own limit in seconds, or one far above what tasks of the same function have taken."""

    def __init__(self, fixed: float | None = None) -> None:
        self._fixed = fixed
        self._longest: dict[str, float] = {}
        self._ended: Counter[str] = Counter()

    def learn(self, call: Call, seconds: float) -> None:
        """Take in a call that has ended well after ``seconds``."""
        self._ended[call.function] += 1
        self._longest[call.function] = max(seconds, self._longest.get(call.function, 0.0))

    def of(self, call: Call) -> float | None:
        """Return the seconds that ``call`` may run for, `None` where nothing is known to hold it against."""
        if self._fixed is not None:
            return self._fixed
        if self._ended[call.function] < _KNOWN:
            return None
        return max(_AT_LEAST, _TIMES_LONGEST * self._longest[call.function]) * _SECOND_TRY**call.needs.time_outs

"""The driver's clock, which a test or a simulation replaces by one of its own."""

from __future__ import annotations

import time

__all__ = ["Clock"]


class Clock:
    """Time as it passes."""

    def now(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic()

    def rest(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)

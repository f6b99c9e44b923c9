"""Stop at a signal, cleanly: the first one is a wish that the driver's loop looks at, a second one ends the process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interrupts", "interrupts"]


_HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Which signal asked to stop, if any."""

    def __init__(self) -> None:
        self.received: int | None = None

    def __call__(self) -> bool:
        """Say whether to stop."""
        return self.received is not None

    def handle(self, number: int, _: FrameType | None) -> None:
        """Take a signal: remember the first, raise `KeyboardInterrupt` at the second."""
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number

    def wish(self) -> None:
        """Take a wish to stop that came in another way, as a SIGTERM; one that has come already stays."""
        self.received = signal.SIGTERM if self.received is None else self.received


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Listen to SIGINT, SIGTERM and SIGHUP within the block; the handlers that were there come back after it.

    Only a main thread gets signals; in another one nothing is heard.
    """
    heard = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return
    before = {number: signal.signal(number, heard.handle) for number in _HEARD}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""Say now and then that work goes on, where nothing else would."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from orchestrator.figures import clock

__all__ = ["pulse"]

_SECONDS_BETWEEN_LINES = 30.0


@contextmanager
def pulse(say: Callable[[str], None], what: str, seconds: float = _SECONDS_BETWEEN_LINES) -> Iterator[None]:
    """Say ``what`` at once, and every ``seconds`` how long it has been at work, until the block ends."""
    began, over = time.monotonic(), threading.Event()

    def speak() -> None:
        while not over.wait(seconds):
            say(f"[{clock(time.monotonic() - began)}] still {what}")

    say(what)
    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    try:
        yield
    finally:
        over.set()
        speaker.join()

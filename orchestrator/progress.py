"""Show a running sweep: a live panel on a terminal, a line now and then without one, nothing for a program.

A view never ends a run. What goes wrong while drawing (a terminal that closed, a letter that it cannot print) silences the view,
and the sweep goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from orchestrator.dashboard import dashboard, log_line
from orchestrator.snapshot import Active, Leader, Snapshot

__all__ = ["Active", "Leader", "Snapshot", "View", "open_view"]

_SECONDS_BETWEEN_FRAMES = 0.25
_SECONDS_BETWEEN_LINES = 30.0


class View(Protocol):
    """Where a driver reports to; every call returns at once, raises nothing and may come as often as the driver likes."""

    def update(self, snapshot: Snapshot) -> None:
        """Take the newest state; how much of it is drawn, and when, is the view's business."""

    def say(self, line: str) -> None:
        """Show one line that stays, above whatever is redrawn."""

    def close(self) -> None:
        """Draw the last state and leave the terminal as it was found; a second call does nothing."""


def open_view(console: Console, quiet: bool = False, now: Callable[[], float] = time.monotonic) -> View:
    """Return the view that fits ``console``: silent if ``quiet``, live on a terminal, lines elsewhere.

    ``now`` gives the seconds by which frames and lines are spaced.
    """
    if quiet:
        return _Silent()
    return _Guarded(
        _Panel(console, now) if console.is_terminal and not console.is_dumb_terminal else _Lines(console, now)
    )


class _Silent:
    def update(self, snapshot: Snapshot) -> None:
        pass

    def say(self, line: str) -> None:
        pass

    def close(self) -> None:
        pass


class _Panel:
    """A panel that is redrawn in place, at most four times a second; other prints appear above it."""

    def __init__(self, console: Console, now: Callable[[], float]) -> None:
        self._console = console
        self._now = now
        # Frames are drawn by `update` alone: a thread of rich's own would draw between the driver's prints.
        self._live = Live(console=console, auto_refresh=False)
        self._drawn: Snapshot | None = None
        self._latest: Snapshot | None = None
        self._drawn_at = 0.0

    def update(self, snapshot: Snapshot) -> None:
        self._latest = snapshot
        new_stage = self._drawn is None or self._drawn.stage != snapshot.stage
        if new_stage or self._now() - self._drawn_at >= _SECONDS_BETWEEN_FRAMES:
            self._draw(snapshot)

    def say(self, line: str) -> None:
        _print(self._console, line)

    def close(self) -> None:
        if self._latest is not None and self._latest is not self._drawn:
            self._draw(self._latest)
        self._live.stop()

    def _draw(self, snapshot: Snapshot) -> None:
        if not self._live.is_started:
            self._live.start()
        width, height = self._console.size
        # A column is left for what the terminal echoes, such as ^C: it would break the panel's line in two.
        self._live.update(dashboard(snapshot, max(1, width - 1), height), refresh=True)
        self._drawn, self._drawn_at = snapshot, self._now()


class _Lines:
    """A line every 30 seconds, at each change of stage, and at the end."""

    def __init__(self, console: Console, now: Callable[[], float]) -> None:
        self._console = console
        self._now = now
        self._printed: Snapshot | None = None
        self._latest: Snapshot | None = None
        self._printed_at = 0.0

    def update(self, snapshot: Snapshot) -> None:
        self._latest = snapshot
        new_stage = self._printed is None or self._printed.stage != snapshot.stage
        if new_stage or self._now() - self._printed_at >= _SECONDS_BETWEEN_LINES:
            self._print(snapshot)

    def say(self, line: str) -> None:
        _print(self._console, line)

    def close(self) -> None:
        if self._latest is not None and self._latest is not self._printed:
            self._print(self._latest)

    def _print(self, snapshot: Snapshot) -> None:
        _print(self._console, log_line(snapshot))
        self._printed, self._printed_at = snapshot, self._now()


class _Guarded:
    """A view that turns silent at the first thing that goes wrong in the one it stands for."""

    def __init__(self, view: View) -> None:
        self._view = view

    def update(self, snapshot: Snapshot) -> None:
        self._try(self._view.update, snapshot)

    def say(self, line: str) -> None:
        self._try(self._view.say, line)

    def close(self) -> None:
        self._try(self._view.close)
        self._view = _Silent()

    def _try(self, draw: Callable[..., None], *arguments: object) -> None:
        try:
            draw(*arguments)
        except (Exception, SystemExit):  # rich answers a closed pipe with SystemExit
            self._view = _Silent()


def _print(console: Console, line: str) -> None:
    # As it is: brackets in a path are no markup, and a log's line is not wrapped.
    console.print(Text(line), soft_wrap=True)

"""Whether the cluster has any room at all for a sweep's tasks: Ray itself would wait for it without a word, and for ever."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.clock import Clock
from orchestrator.events import Events
from orchestrator.executor import Executor
from orchestrator.place import Place

__all__ = ["NoRoom", "Room"]

_WARNED_AFTER = 60.0
_ENDED_AFTER = 600.0
"""Seconds: what a node that is replaced takes to come back."""


class NoRoom(RuntimeError):  # noqa: N818
    """For minutes no nodes have been there that can hold a task, or a gang of them; once they are, a resume goes on."""


class Room:
    """Watches the slots of ``executor`` for the run in ``folder``; with ``waits`` an autoscaler is to bring nodes."""

    def __init__(
        self,
        folder: Place,
        executor: Executor,
        clock: Clock,
        events: Events,
        say: Callable[[str], None],
        waits: bool = False,
    ) -> None:
        self._folder, self._executor, self._clock = folder, executor, clock
        self._events, self._say, self._waits = events, say, waits
        self._none_since: float | None = None
        self._warned = False

    def check(self) -> None:
        """Warn, once, where nodes have had no room for a task for a minute. Raises `NoRoom` after ten."""
        if self._executor.slots > 0:
            self._none_since, self._warned = None, False
            return
        now = self._clock.now()
        self._none_since = now if self._none_since is None else self._none_since
        seconds = now - self._none_since
        if seconds >= _WARNED_AFTER and not self._warned:
            self._warned = True
            self._events.say("no_room", seconds=seconds)
            self._say("the live nodes have no room for a task of this sweep; waiting for more of them")
        if seconds >= _ENDED_AFTER and not self._waits:
            raise NoRoom(
                f"the live nodes had no room for a task of this sweep for {seconds / 60:.0f} minutes; add nodes, or lower "
                "resources.cpus, resources.gpus, resources.memory or resources.workers, or, where an autoscaler adds nodes, set "
                f"resources.pending; then: stillhouse resume {self._folder}"
            )

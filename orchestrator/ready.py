"""Whose turn it is: the works that may have a call to hand out, so that a driver of thousands need not ask each one each time.

Shards of distilled sets go first, oldest job first; then segments of distillations. A work that had nothing to hand out rests
until something happened to it, or, since it may wait for time to pass or for what another trains, until all are asked again.
"""

from __future__ import annotations

import heapq

from orchestrator.clock import Clock
from orchestrator.executor import Call
from orchestrator.work import Work

__all__ = ["Ready"]

_SECONDS_BETWEEN_ROUNDS = 0.25


class Ready:
    """The works of a sweep by what they may hand out; ``clock`` says when all are asked again."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._asked_all = clock, clock.now()
        self._heap: list[tuple[bool, int, Work]] = []
        self._queued: set[tuple[bool, int]] = set()
        self._resting: dict[int, Work] = {}

    def wake(self, work: Work) -> None:
        """Take in a work that is new, or that something happened to."""
        self._resting.pop(work.number, None)
        turn = (not work.is_measuring, work.number)
        if not work.is_over and turn not in self._queued:
            self._queued.add(turn)
            heapq.heappush(self._heap, (*turn, work))

    def wake_all(self) -> None:
        """Let every work be asked again."""
        self._asked_all = self._clock.now()
        for work in list(self._resting.values()):
            self.wake(work)

    def next_call(self, segment: int) -> Call | None:
        """Return the next call, of ``segment`` outer steps where it is one of a distillation; `None` where there is none now."""
        if self._clock.now() - self._asked_all >= _SECONDS_BETWEEN_ROUNDS:
            self.wake_all()
        while self._heap:
            later, number, work = self._heap[0]
            still = later != work.is_measuring  # else it has another place by now
            if still and (call := work.next_call(segment)) is not None:
                return call
            heapq.heappop(self._heap)
            self._queued.remove((later, number))
            if still and not work.is_over:
                self._resting[number] = work
        return None

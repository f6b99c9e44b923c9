"""An executor under watch: no call runs for ever, and each completes once, whatever the executor beneath says twice or late."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from orchestrator.clock import Clock
from orchestrator.executor import Call, Completion, Executor, Site
from orchestrator.failures import Failure
from orchestrator.time_limit import TimeLimit

__all__ = ["Watched"]

_EVERY = 1.0
"""Seconds between two looks at what runs for too long."""


@dataclass
class _Flight:
    """A call in flight: when it was submitted, and when it began to run, which a busy cluster may put off."""

    call: Call
    submitted: float
    site: Site | None = None
    began: float | None = None


class Watched:
    """Wraps ``executor``: calls that run for longer than ``limit`` complete with a failure of kind ``timeout``.

    The clock is the driver's, and it runs for a call only from when its process has said that it began. A call that is out of
    time is killed at once: an interrupt in the middle of an import would leave a process in which that import is broken.
    """

    def __init__(self, executor: Executor, limit: TimeLimit, clock: Clock) -> None:
        self._executor, self._limit, self._clock = executor, limit, clock
        self._flight: dict[int, _Flight] = {}
        self._taken = 0
        self._looked = clock.now()
        self.dropped = 0
        """Completions of calls that were not in flight any more."""

    @property
    def slots(self) -> int:
        return self._executor.slots

    @property
    def wanted(self) -> int:
        return self._executor.wanted

    @property
    def in_flight(self) -> int:
        """How many slots are taken by calls that have been submitted and have not completed."""
        return self._taken

    def submit(self, call: Call) -> int:
        ticket = self._executor.submit(call)
        self._flight[ticket] = _Flight(call, self._clock.now())
        self._taken += call.workers
        return ticket

    def wait(self, timeout: float) -> list[Completion]:
        ended = []
        for completion in self._executor.wait(timeout):
            flight = self._pop(completion.ticket)
            if flight is None:
                self.dropped += 1
                continue
            if completion.failure is None and completion.seconds is not None:
                self._limit.learn(flight.call, completion.seconds)
            ended.append(completion)
        return ended + self._out_of_time()

    def running(self, tickets: Collection[int]) -> Mapping[int, tuple[Site, float]]:
        return self._executor.running(tickets)

    def abandon(self, ticket: int) -> None:
        self._pop(ticket)
        self._executor.abandon(ticket)

    def cancel(self) -> None:
        self._forget()
        self._executor.cancel()

    def close(self) -> None:
        self._forget()
        self._executor.close()

    def _pop(self, ticket: int) -> _Flight | None:
        flight = self._flight.pop(ticket, None)
        self._taken -= 0 if flight is None else flight.call.workers
        return flight

    def _forget(self) -> None:
        self._flight.clear()
        self._taken = 0

    def _out_of_time(self) -> list[Completion]:
        now = self._clock.now()
        if now - self._looked < _EVERY:
            return []
        self._looked = now
        limits = {ticket: self._limit.of(flight.call) for ticket, flight in self._flight.items()}
        long_ago = {
            ticket: limit
            for ticket, limit in limits.items()
            if limit is not None and now - self._flight[ticket].submitted > limit
        }
        self._ask_when_they_began(long_ago, now)
        return [
            self._end(ticket, limit, now) for ticket, limit in long_ago.items() if self._is_over(ticket, limit, now)
        ]

    def _ask_when_they_began(self, tickets: Collection[int], now: float) -> None:
        unknown = [ticket for ticket in tickets if self._flight[ticket].began is None]
        for ticket, (site, seconds) in (self.running(unknown) if unknown else {}).items():
            self._flight[ticket].site, self._flight[ticket].began = site, now - seconds

    def _is_over(self, ticket: int, limit: float, now: float) -> bool:
        began = self._flight[ticket].began
        return began is not None and now - began > limit

    def _end(self, ticket: int, limit: float, now: float) -> Completion:
        flight = self._flight[ticket]
        assert flight.began is not None
        self.abandon(ticket)
        failure = Failure("timeout", f"ran for {now - flight.began:.0f} s, longer than the {limit:.0f} s that it may")
        return Completion(ticket, flight.call, None, failure, flight.site, now - flight.began)

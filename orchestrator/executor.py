"""What runs calls: the protocol that the driver's loop speaks, and the executor that runs them in this very process.

A call names its function, ``"module:function"``, and carries plain values and bytes, so that it means the same here, in another
process and on another machine. A call ends in a value or in a `Failure`; an executor never raises for what a call did, and never
runs one twice by itself: attempts are the driver's to count.
"""

from __future__ import annotations

import importlib
import itertools
import os
import socket
import time
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from orchestrator.failures import Failure, failed

__all__ = [
    "Call",
    "Completion",
    "Executor",
    "Failure",
    "InfeasibleError",
    "InlineExecutor",
    "Needs",
    "Site",
    "perform",
]

_SURPLUS = 2
"""Calls in flight above the slots, so that none of these waits for the driver."""


class InfeasibleError(ValueError):
    """No node can ever hold a task of the shape that was asked for."""


@dataclass(frozen=True)
class Needs:
    """What a call asks for beside the executor's own reservation, after what befell earlier attempts at it."""

    shares: int = 1
    """How many slots' worth of a node's memory and CPUs it takes, at most a whole node."""
    gpu_shares: int = 1
    """How many slots' worth of a GPU it takes, at most a whole one."""
    avoid: frozenset[str] = frozenset()
    """Nodes on which it runs only where no other can hold it."""
    time_outs: int = 0
    """How often it has run out of time."""


@dataclass(frozen=True)
class Site:
    """Where a call runs or ran: a node by its name for the executor, its host, the process, and the GPUs that it was given."""

    node: str
    host: str
    pid: int
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True)
class Call:
    """One call of ``function``, named ``"module:function"``, with keyword ``arguments``.

    ``tag`` is the caller's own, given back with the completion and never looked at. A call with ``shares`` may be run by as many
    workers together: each gets its share in place of the arguments of the same names, and a ``meeting`` with the others. An
    executor that knows no gangs runs it as any other call, to the same result.
    """

    function: str
    arguments: Mapping[str, Any]
    tag: Any = None
    needs: Needs = Needs()
    shares: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        module, colon, name = self.function.partition(":")
        if not (module and colon and name):
            raise ValueError(f"a call names its function as module:function, got {self.function!r}")

    @property
    def workers(self) -> int:
        """How many slots it takes."""
        return max(1, len(self.shares))


@dataclass(frozen=True)
class Completion:
    """The end of a call: its ``value``, or a ``failure``; where it ran, and for how many ``seconds``, as far as known."""

    ticket: int
    call: Call
    value: Any = None
    failure: Failure | None = None
    site: Site | None = None
    seconds: float | None = None


class Executor(Protocol):
    """Runs calls, each at most once, in any order."""

    @property
    def slots(self) -> int:
        """How many calls can run at once, as things stand."""

    @property
    def wanted(self) -> int:
        """How many calls are worth having in flight: some above the slots, so that none of these is ever idle."""

    def submit(self, call: Call) -> int:
        """Take a call in; return the ticket that its completion carries."""

    def wait(self, timeout: float) -> list[Completion]:
        """Return what has ended, as soon as anything has; nothing after ``timeout`` seconds, or where no call is in flight."""

    def running(self, tickets: Collection[int]) -> Mapping[int, tuple[Site, float]]:
        """Return where those of ``tickets`` run that are known to, and for how many seconds they have."""

    def abandon(self, ticket: int) -> None:
        """Stop and forget one call in flight: it never completes."""

    def cancel(self) -> None:
        """Stop and forget every call in flight: none of them completes."""

    def close(self) -> None:
        """Cancel, and give back what the executor holds."""


@dataclass
class InlineExecutor:
    """Runs the oldest call in this process, at `wait`; for tests, debuggers and notebooks."""

    slots: int = 1
    _queue: deque[tuple[int, Call]] = field(default_factory=deque, init=False)
    _tickets: itertools.count[int] = field(default_factory=itertools.count, init=False)

    @property
    def wanted(self) -> int:
        return self.slots + _SURPLUS

    def submit(self, call: Call) -> int:
        ticket = next(self._tickets)
        self._queue.append((ticket, call))
        return ticket

    def wait(self, timeout: float) -> list[Completion]:
        if not self._queue:
            return []
        ticket, call = self._queue[0]
        began = time.monotonic()
        result = perform(call.function, call.arguments)
        self._queue.popleft()  # only now: an interrupt from the keyboard leaves the call where it was
        here = Site(socket.gethostname(), socket.gethostname(), os.getpid())
        return [completion(ticket, call, result, here, time.monotonic() - began)]

    def running(self, tickets: Collection[int]) -> Mapping[int, tuple[Site, float]]:
        return {}  # none is, between two waits

    def abandon(self, ticket: int) -> None:
        self._queue = deque(queued for queued in self._queue if queued[0] != ticket)

    def cancel(self) -> None:
        self._queue.clear()

    def close(self) -> None:
        self.cancel()


def perform(function: str, arguments: Mapping[str, Any]) -> Any:
    """Call ``function``, named ``"module:function"``, and return its value, or a `Failure` for whatever exception it raised.

    Exceptions end here, where their types are at hand, so that none has to travel between processes.
    """
    module, _, name = function.partition(":")
    try:
        return getattr(importlib.import_module(module), name)(**arguments)
    except (Exception, SystemExit) as error:
        return failed(error)


def completion(ticket: int, call: Call, result: Any, site: Site | None, seconds: float | None) -> Completion:
    """Return the completion of a call with the ``result`` of `perform`."""
    failure = result if isinstance(result, Failure) else None
    return Completion(ticket, call, None if failure else result, failure, site, seconds)

"""What runs calls: the protocol that the driver's loop speaks, and the executor that runs them in this very process.

A call names its function, ``"module:function"``, and carries plain values and bytes, so that it means the same here, in another
process and on another machine. A call ends in a value or in a `Failure`; an executor never raises for what a call did, and never
runs one twice by itself: attempts are the driver's to count.
"""

from __future__ import annotations

import importlib
import itertools
import sys
import traceback
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

__all__ = ["Call", "Completion", "Executor", "Failure", "InfeasibleError", "InlineExecutor", "Kind"]

Kind = Literal["user", "crash", "memory", "node", "lost", "cluster", "cancelled"]

_FRAMES = 8
"""Innermost frames of a traceback that a failure keeps."""


class InfeasibleError(ValueError):
    """No node can ever hold a task of the shape that was asked for."""


@dataclass(frozen=True)
class Call:
    """One call of ``function``, named ``"module:function"``, with keyword ``arguments``.

    ``tag`` is the caller's own, given back with the completion and never looked at.
    """

    function: str
    arguments: Mapping[str, Any]
    tag: Any = None

    def __post_init__(self) -> None:
        module, colon, name = self.function.partition(":")
        if not (module and colon and name):
            raise ValueError(f"a call names its function as module:function, got {self.function!r}")


@dataclass(frozen=True)
class Failure:
    """Why a call has no value.

    ``kind`` is ``user`` (an exception of the code that was called), ``memory`` (the device's or the machine's ran out), ``crash``
    (the process died), ``node`` (the machine did), ``lost`` (data of the call, with the machine that held them), ``cluster`` (no
    call can run any more) or ``cancelled``. ``message`` is one line; ``traceback`` ends with the innermost frames.
    """

    kind: Kind
    message: str
    traceback: str = ""


@dataclass(frozen=True)
class Completion:
    """The end of a call: its ``value``, or a ``failure``."""

    ticket: int
    call: Call
    value: Any = None
    failure: Failure | None = None


class Executor(Protocol):
    """Runs calls, each at most once, in any order."""

    @property
    def slots(self) -> int:
        """How many calls can run at once, as things stand."""

    def submit(self, call: Call) -> int:
        """Take a call in; return the ticket that its completion carries."""

    def wait(self, timeout: float) -> list[Completion]:
        """Return what has ended, as soon as anything has; nothing after ``timeout`` seconds, or where no call is in flight."""

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

    def submit(self, call: Call) -> int:
        ticket = next(self._tickets)
        self._queue.append((ticket, call))
        return ticket

    def wait(self, timeout: float) -> list[Completion]:
        if not self._queue:
            return []
        ticket, call = self._queue[0]
        result = perform(call.function, call.arguments)
        self._queue.popleft()  # only now: an interrupt from the keyboard leaves the call where it was
        return [_completion(ticket, call, result)]

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


def failed(error: BaseException) -> Failure:
    """Return the `Failure` of an exception that the called code raised; leaving by `SystemExit` counts as a crash."""
    kind: Kind = "memory" if _is_memory(error) else "crash" if isinstance(error, SystemExit) else "user"
    frames = error.__traceback__.tb_next if error.__traceback__ else None  # the first one is `perform`
    text = "".join(traceback.format_exception(type(error), error, frames, limit=-_FRAMES))
    return Failure(kind, summary(error), text.rstrip())


def summary(error: BaseException) -> str:
    """Return an exception in one line: its type, and the first line of its text where it has one."""
    return ": ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])


def _completion(ticket: int, call: Call, result: Any) -> Completion:
    failure = result if isinstance(result, Failure) else None
    return Completion(ticket, call, None if failure else result, failure)


def _is_memory(error: BaseException) -> bool:
    """Say whether memory ran out; torch's own error exists only where torch has been imported."""
    torch = sys.modules.get("torch")
    return isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError))

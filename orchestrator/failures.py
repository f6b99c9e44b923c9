"""Why a call has no value, by class, and what is done about each class."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["POLICIES", "Failure", "Kind", "Policy", "failed", "is_of_memory", "summary"]

Kind = Literal[
    "user", "device_memory", "memory", "crash", "node", "lost", "timeout", "environment", "cluster", "cancelled"
]
"""``user`` (an exception of the code that was called), ``device_memory`` (a GPU's ran out), ``memory`` (the machine's did),
``crash`` (the process died), ``node`` (the machine did), ``lost`` (data of the call, with the machine that held them),
``timeout`` (it ran for longer than it may), ``environment`` (a worker lacks a module, or its environment cannot be set up),
``cluster`` (no call can run any more) or ``cancelled`` (by someone else)."""

_FRAMES = 8
"""Innermost frames of a traceback that a failure keeps."""


@dataclass(frozen=True)
class Policy:
    """How often a call that failed is tried again, and whether the attempt counts among its trial's."""

    retries: int
    charged: bool = True


POLICIES: Mapping[Kind, Policy] = {
    "user": Policy(0),
    "device_memory": Policy(1),
    "memory": Policy(2),
    "crash": Policy(2),
    "node": Policy(50, charged=False),
    "lost": Policy(10, charged=False),
    "timeout": Policy(1),
    "environment": Policy(0),
    "cluster": Policy(0),
    "cancelled": Policy(2),
}
"""Of ``environment`` and ``cluster`` none is tried again: they end the driver, and a resume goes on."""


@dataclass(frozen=True)
class Failure:
    """Why a call has no value. ``message`` is one line; ``traceback`` ends with the innermost frames."""

    kind: Kind
    message: str
    traceback: str = ""


def failed(error: BaseException) -> Failure:
    """Return the `Failure` of an exception that the called code raised; leaving by `SystemExit` counts as a crash."""
    frames = error.__traceback__.tb_next if error.__traceback__ else None  # the first one is `executor.perform`
    text = "".join(traceback.format_exception(type(error), error, frames, limit=-_FRAMES))
    return Failure(_kind_of(error), summary(error), text.rstrip())


def summary(error: BaseException) -> str:
    """Return an exception in one line: its type, and the first line of its text where it has one."""
    return ": ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])


def is_of_memory(error: BaseException) -> bool:
    """Say whether a device's or the machine's memory ran out."""
    return _kind_of(error) in ("device_memory", "memory")


def _kind_of(error: BaseException) -> Kind:
    """Return the class of an exception, or of the one that it was raised from."""
    kinds = (_own_kind(each) for each in _causes(error))
    return next((kind for kind in kinds if kind != "user"), "user")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, what it was raised from, and so on."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _own_kind(error: BaseException) -> Kind:
    if isinstance(error, SystemExit):
        return "crash"
    if isinstance(error, ImportError):
        return "environment"
    torch = sys.modules.get("torch")  # its own error exists only where torch has been imported
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return "device_memory"
    # Torch has no class of its own for a CPU allocation that failed.
    host = isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error))
    return "memory" if host else "user"

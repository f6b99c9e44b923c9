"""The lease of a run: which one driver may write to it.

The run's ``lease.json`` names the driver by host, process and the process's start time, and its modification time is the last
heartbeat. On the holder's own host the lease is free as soon as that very process is gone, so that a resume after a crash never
waits; from elsewhere it is free after 60 s without a heartbeat. "The same host" is the same name, the same boot and the same
space of process numbers: containers that share a host's name do not take each other for dead.

Taking is one decision at a time, by `orchestrator.turn`; ages are differences of two times that the file system itself gave, so
that clocks of different hosts do not matter. On a store a heartbeat writes the lease again, and a driver that was silent for a
minute may do so a moment after another has taken over: that other one then finds out and stops.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.place import Place
from orchestrator.process_start import process_start
from orchestrator.publish import make_folder, publish
from orchestrator.turn import one_at_a_time

__all__ = ["STALE_SECONDS", "Holder", "Lease", "LeaseHeld", "LeaseLost", "read_holder"]

STALE_SECONDS = 60.0
"""Time without a heartbeat after which a driver of another host counts as dead; beat several times in it."""


class LeaseHeld(Exception):  # noqa: N818
    """Another driver holds the run; one line names its host, its process and since when."""


class LeaseLost(Exception):  # noqa: N818
    """Another driver has taken the run over, because this one was silent for too long or its lease was removed."""


@dataclass(frozen=True)
class Holder:
    """A process that holds a lease; ``started`` tells it from a later one of its number, ``token`` this lease from others."""

    host: str
    machine: str
    pid: int
    started: str
    since: str
    token: str

    @classmethod
    def this_process(cls) -> Holder:
        """Describe this process, as the holder of a new lease."""
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        pid = os.getpid()
        return cls(socket.gethostname(), _machine(), pid, process_start(pid) or "", since, secrets.token_hex(16))

    def is_here(self) -> bool:
        """Say whether the holder runs, or ran, where this process can see it."""
        return (self.host, self.machine) == (socket.gethostname(), _machine())

    def is_running(self) -> bool:
        """Say whether the very process is there; only to be asked where `is_here`."""
        started = process_start(self.pid)
        return started is not None and (started == self.started or "" in (started, self.started))


class Lease:
    """The right to write to a run's folder, held from `take` to `release`; leaving a ``with`` block releases it."""

    def __init__(self, folder: Place, holder: Holder) -> None:
        self.folder = folder
        self.holder = holder

    @classmethod
    def take(cls, folder: Place) -> Lease:
        """Take the lease of the run in ``folder``, which is made where it is missing. Raises `LeaseHeld`."""
        make_folder(folder)
        holder = Holder.this_process()
        with one_at_a_time(folder) as now:
            _refuse_if_held(folder, now)
            publish(_path(folder), _to_json(holder))
        return cls(folder, holder)

    def beat(self) -> None:
        """Say that this driver is alive; about 30 µs on a local disk, two requests to a store.

        Raises `LeaseLost` where another has taken over.
        """
        if read_holder(self.folder) != self.holder:
            raise LeaseLost(f"{self.folder}: another driver has taken this run over; this one writes no more")
        path = _path(self.folder)
        if isinstance(path, Path):
            os.utime(path)
        else:
            path.write_bytes(_to_json(self.holder))

    def release(self) -> None:
        """Give the lease back; does nothing where it is no longer this driver's."""
        # In a store without a turn, which would have to write: it may be for want of room or of a network that this driver ends.
        turn = one_at_a_time(self.folder) if isinstance(self.folder, Path) else contextlib.nullcontext()
        with contextlib.suppress(OSError), turn:
            if read_holder(self.folder) == self.holder:
                _path(self.folder).unlink()

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _refuse_if_held(folder: Place, now: float) -> None:
    """Raise `LeaseHeld` unless the lease is free; ``now`` is the file system's time."""
    holder = read_holder(folder)
    if holder is not None and holder.is_here():
        if holder.is_running():
            raise LeaseHeld(_describe(folder, holder, f"stop it first: kill {holder.pid}"))
        return
    with contextlib.suppress(FileNotFoundError):
        age = max(0.0, now - _path(folder).stat().st_mtime)
        if age < STALE_SECONDS:
            cure = f"stop it there; if it is dead the run is free in {STALE_SECONDS - age:.0f} s"
            raise LeaseHeld(_describe(folder, holder, cure))


def _describe(folder: Place, holder: Holder | None, cure: str) -> str:
    who = f"process {holder.pid} on {holder.host} since {holder.since}" if holder else "an unreadable lease.json"
    return f"{folder}: this run is held by {who}; {cure}"


def _to_json(holder: Holder) -> bytes:
    return json.dumps(dataclasses.asdict(holder), indent=1).encode()


def _path(folder: Place) -> Place:
    return folder / "lease.json"


def read_holder(folder: Place) -> Holder | None:
    """Return who is named by the lease; None where there is none, or where it is not one of ours."""
    try:
        return Holder(**json.loads(_path(folder).read_bytes()))
    except (FileNotFoundError, TypeError, ValueError):
        return None


def _machine() -> str:
    """Return what tells this boot and this space of process numbers from others; empty where the system does not say."""
    parts = []
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)

"""Attach this process to Ray: to a private one on this machine, started for it and ended with it, or to a cluster.

`ray.init` alone would join whichever cluster was last started on the machine, replace the handler of SIGTERM by one that exits,
print the cluster's messages on standard output, leave variables behind in the environment, and try an address that does not
answer for minutes; what follows keeps a driver free of these.

Workers find the driver's own modules: Ray puts the driver's working directory, and that of its script, first on their path, and
those of a private Ray inherit the environment, ``PYTHONPATH`` with it. A runtime environment would do the same for half a second
more at the first task.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import ray
from ray._private import worker as ray_worker

from cluster.private_folder import PrivateFolder

__all__ = ["AttachError", "Attached", "attach"]

_OBJECT_STORE = 256 * 2**20
"""Bytes for objects in shared memory; what goes through it is a data set's worth of states and distilled sets at most."""
_PATIENCE = 5.0
"""Seconds for a cluster's head to take a connection."""
_LEFT_BEHIND = (
    "RAY_AUTH_MODE", "RAY_USAGE_STATS_ENABLED", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "RAY_CLIENT_MODE", "PYTHONBREAKPOINT",
)  # fmt: skip
"""Variables that `ray.init`, or we for it, set in this process's environment."""


class AttachError(RuntimeError):
    """There is no Ray to attach to; one line says why, and what to do."""


@dataclass
class Attached:
    """A connection to Ray; a context manager that detaches at its end."""

    address: str
    private: bool
    """Whether Ray was started for this process, and ends when it detaches."""
    _leave: contextlib.ExitStack = field(repr=False)

    def detach(self) -> None:
        """Disconnect, end a private Ray, and put the environment back; a second time does nothing."""
        self._leave.close()

    def __enter__(self) -> Attached:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.detach()


def attach(address: str | None = None, cpus: int | None = None, gpus: int | None = None) -> Attached:
    """Attach to the cluster at ``address``, else at ``RAY_ADDRESS``, else start a private Ray on this machine.

    ``address`` is ``host:port`` of the head, ``auto`` for the cluster that this machine is a node of, or ``local`` for a private
    one. ``cpus`` and ``gpus`` are what a private Ray offers; left out, what the machine has. A process that is attached already
    stays so: it gets the Ray that it has, and detaching leaves that alone.

    Raises `AttachError` when no cluster answers, when its versions are not ours, or when a private one does not start.
    """
    wanted = address or os.environ.get("RAY_ADDRESS") or "local"
    with contextlib.ExitStack() as leave:
        if ray.is_initialized():
            _check_same(address)
            return Attached(_current(), False, leave.pop_all())
        leave.enter_context(_environment_kept())
        if wanted == "local":
            folder = PrivateFolder()
            leave.callback(folder.remove)
            _start(leave, wanted, **_private(folder, cpus, gpus))
        else:
            _check_answers(wanted)
            _start(leave, wanted)
        return Attached(_current(), wanted == "local", leave.pop_all())


def _private(folder: PrivateFolder, cpus: int | None, gpus: int | None) -> dict[str, Any]:
    """Return what a private Ray is started with; it reports no usage to anyone."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # What newer versions do anyway; older ones say so at each start. Tasks choose their device by the recipe.
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    return {
        "num_cpus": cpus,
        "num_gpus": gpus,
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE,
        "_temp_dir": str(folder.path),
    }


def _start(leave: contextlib.ExitStack, address: str, **options: Any) -> None:
    leave.callback(ray.shutdown)
    try:
        with _handlers_kept(), _without_printing():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **options)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        advice = (
            "see `ray start --help`" if address == "auto" else "is it a Ray head of the same Ray and Python versions?"
        )
        if address == "local":
            raise AttachError(f"Ray does not start on this machine: {reason}") from error
        raise AttachError(f"cannot attach to Ray at {address}: {reason} ({advice})") from error


def _check_answers(address: str) -> None:
    """Raise `AttachError` unless the head takes a connection; Ray itself would try for minutes, and then exit."""
    if address.startswith("http"):
        raise AttachError(f"{address} is where Ray takes jobs; to attach, give the head itself, such as head:6379")
    if address == "auto":
        return
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdecimal():
        raise AttachError(f"the address of a Ray head is host:port, such as head:6379, got {address!r}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise AttachError(
            f"no Ray head answers at {address} ({error}); is the cluster up, and is the port open to this machine? "
            "Without --address and RAY_ADDRESS, Ray is started here"
        ) from error


def _check_same(address: str | None) -> None:
    if address not in (None, "auto", _current()):
        raise AttachError(
            f"this process is attached to Ray at {_current()}; call ray.shutdown() first to leave it for {address}"
        )


def _current() -> str:
    return str(ray.get_runtime_context().gcs_address)


@contextlib.contextmanager
def _handlers_kept() -> Iterator[None]:
    """Put back the handlers of SIGINT and SIGTERM, which only a main thread can set."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # None: set from outside Python, and not to be set from here
                signal.signal(number, handler)


@contextlib.contextmanager
def _environment_kept() -> Iterator[None]:
    """Put back, when detaching, the variables that would make later clusters of this process behave differently."""
    before = {name: os.environ.get(name) for name in _LEFT_BEHIND}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _without_printing() -> Iterator[None]:
    """Keep Ray from starting the thread that prints the cluster's messages on standard output.

    It runs even with `log_to_driver=False` and has no switch. What it would print of a task comes as an exception too.
    """
    printing = getattr(ray_worker, "listen_error_messages", None)
    if printing is None:
        yield
        return
    ray_worker.listen_error_messages = _print_nothing  # type: ignore[assignment]
    try:
        yield
    finally:
        ray_worker.listen_error_messages = printing


def _print_nothing(worker: ray_worker.Worker, stopped: threading.Event) -> None:
    """Stand in for `ray._private.worker.listen_error_messages`."""

"""Runs calls as Ray tasks, on the Ray that this process is attached to (see `cluster.attach`).

One remote function serves every call. Ray would give each task with a GPU a process of its own, retry crashed and forgotten tasks
out of sight, and wait for ever for resources that no node has; here processes are kept for thousands of calls, nothing is
retried, and a shape that fits nowhere is an error before anything starts.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import ray
from ray import ObjectRef
from ray.exceptions import RayError

from cluster.nodes import Nodes, count_slots
from orchestrator.executor import Call, Completion, Failure, InfeasibleError, perform
from orchestrator.ray_failures import ray_failed

__all__ = ["RayExecutor"]

_CALLS_PER_WORKER = 10_000
"""Calls after which a process is replaced, so that leaks end. At 64 a call with torch costs 26 ms more, at 10,000 nothing."""
_LARGE = 100_000
"""Bytes from which an argument is stored once for all calls that share it, instead of travelling with each."""
_WATCHED = 1000
"""References in one `ray.wait`, whose cost grows with their number."""
_GLANCE = 0.05
"""Seconds that a wait stays with one window of references before it looks at the others."""


@dataclass
class _Stored:
    """A payload in Ray's object store, and how many calls in flight use it."""

    ref: ObjectRef[Any]
    uses: int = 0


class RayExecutor:
    """Runs each call as one Ray task that reserves ``cpus`` CPUs and ``gpus`` GPUs; made while attached.

    ``slots`` bounds the calls at once; left out, it is what the live nodes hold, looked at again every five seconds. Where the
    cluster dies, every call in flight completes with a failure of kind ``cluster``.

    Raises `InfeasibleError` when no node can hold such a task.
    """

    def __init__(self, slots: int | None = None, cpus: float = 1, gpus: float = 0) -> None:
        self._bound, self._cpus, self._gpus = slots, cpus, gpus
        self._nodes = Nodes()
        self._check_shape()
        # `max_calls` can be set here only, and is 1 for a task with a GPU unless it is.
        self._remote = ray.remote(
            num_cpus=cpus, num_gpus=gpus, max_calls=_CALLS_PER_WORKER, max_retries=0, retry_exceptions=False
        )(_perform)
        self._tickets = itertools.count()
        self._flight: dict[ObjectRef[Any], tuple[int, Call]] = {}
        self._stored: dict[bytes, _Stored] = {}
        self._refused: list[Completion] = []

    @property
    def slots(self) -> int:
        """How many calls can run at once, as things stand."""
        return self._bound if self._bound is not None else self.slots_now()

    def slots_now(self) -> int:
        """Return how many calls the live nodes hold, as last seen: at most some five seconds ago."""
        return count_slots(self._nodes.alive(), self._cpus, self._gpus)

    def submit(self, call: Call) -> int:
        """Take a call in; return its ticket. A call that Ray refuses completes with a failure."""
        ticket = next(self._tickets)
        try:
            values = [self._store(value) for value in call.arguments.values()]
            ref = self._remote.remote(call.function, list(call.arguments), *values)
        except RayError as error:
            self._release(call)
            self._refused.append(Completion(ticket, call, failure=ray_failed(error)))
        else:
            self._flight[ref] = (ticket, call)
        return ticket

    def wait(self, timeout: float) -> list[Completion]:
        """Return all that has ended, as soon as anything has; nothing after ``timeout`` seconds or with no call in flight."""
        done, self._refused = self._refused, []
        ready = self._ready(0.0 if done else timeout)
        done += [self._collect(ref) for ref in ready]
        trouble = None if done or not self._flight else self._nodes.trouble()
        return self._abandon(trouble) if trouble else done

    def cancel(self) -> None:
        """Kill what runs, forget what is in flight.

        At once and by force: calls have nothing to tidy up, and an interrupt in the middle of an import would leave a process in
        which that import is broken.
        """
        refs = self._forget()
        for ref in refs:
            ray.cancel(ref, force=True)

    def close(self) -> None:
        """Cancel. Ray itself belongs to whoever attached."""
        if ray.is_initialized():
            self.cancel()

    def _check_shape(self) -> None:
        cpus, gpus = self._cpus, self._gpus
        nodes = self._nodes.alive()
        if count_slots(nodes, cpus, gpus) == 0:
            largest = max(nodes, key=lambda node: (node.gpus, node.cpus))
            raise InfeasibleError(
                f"no node can hold a task of {cpus:g} CPUs and {gpus:g} GPUs: the largest of {len(nodes)} has "
                f"{largest.cpus:g} CPUs and {largest.gpus:g} GPUs; lower resources.cpus or resources.gpus"
            )

    def _store(self, value: Any) -> Any:
        """Return ``value``, or the reference of a large payload, stored when the first call in flight wants it.

        The bytes themselves are the key: Python remembers their hash, and compares the same object by its address.
        """
        if not _is_large(value):
            return value
        if value not in self._stored:
            self._stored[value] = _Stored(ray.put(value))
        self._stored[value].uses += 1
        return self._stored[value].ref

    def _release(self, call: Call) -> None:
        """Let go of the payloads of a call that has ended, and of those that no other call uses."""
        for value in filter(_is_large, call.arguments.values()):
            stored = self._stored.get(value)
            if stored is not None:
                stored.uses -= 1
                if stored.uses <= 0:
                    del self._stored[value]

    def _ready(self, timeout: float) -> list[ObjectRef[Any]]:
        """Return every reference that is ready, waiting up to ``timeout`` seconds for the first."""
        refs = list(self._flight)
        windows = [refs[start : start + _WATCHED] for start in range(0, len(refs), _WATCHED)]
        deadline = time.monotonic() + timeout
        for window in itertools.cycle(windows):
            left = deadline - time.monotonic()
            glance = min(left, _GLANCE) if len(windows) > 1 else left
            ready, _ = ray.wait(window, num_returns=1, timeout=max(glance, 0.0))
            if ready or left <= 0:
                return [ref for each in windows for ref in _all_ready(each)]
        return []

    def _collect(self, ref: ObjectRef[Any]) -> Completion:
        ticket, call = self._flight.pop(ref)
        self._release(call)
        try:
            value = ray.get(ref)
        except Exception as error:
            return Completion(ticket, call, failure=ray_failed(error))
        if isinstance(value, Failure):
            return Completion(ticket, call, failure=value)
        return Completion(ticket, call, value)

    def _abandon(self, trouble: str) -> list[Completion]:
        """Complete every call in flight with the same failure: the cluster is no more."""
        calls = list(self._flight.values())
        self._forget()
        return [Completion(ticket, call, failure=Failure("cluster", trouble)) for ticket, call in calls]

    def _forget(self) -> list[ObjectRef[Any]]:
        refs = list(self._flight)
        self._flight.clear()
        self._stored.clear()
        self._refused.clear()
        return refs


def _perform(function: str, names: list[str], *values: Any) -> Any:
    """Run a call in a worker; values are arguments of their own, since Ray fetches references only at the top."""
    return perform(function, dict(zip(names, values, strict=True)))


def _is_large(value: Any) -> bool:
    return isinstance(value, bytes) and len(value) > _LARGE


def _all_ready(refs: list[ObjectRef[Any]]) -> Iterator[ObjectRef[Any]]:
    ready, _ = ray.wait(refs, num_returns=len(refs), timeout=0)
    yield from ready

"""Runs calls as Ray tasks, on the Ray that this process is attached to (see `cluster.attach`).

One remote function serves every call. Ray would give each task with a GPU a process of its own, retry crashed and forgotten tasks
out of sight, and wait for ever for resources that no node has; here processes are kept for thousands of calls, nothing is
retried, and a shape that fits nowhere is an error before anything starts.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import ray
from ray import ObjectRef
from ray.exceptions import RayError

from cluster.nodes import Nodes, Shape, count_slots
from orchestrator.executor import Call, Completion, InfeasibleError, Site, completion, perform
from orchestrator.failures import Failure
from orchestrator.payloads import Payloads
from orchestrator.ray_failures import ray_failed
from orchestrator.reservation import options_of, shape_of
from orchestrator.whereabouts import Whereabouts, here

__all__ = ["RayExecutor"]

_CALLS_PER_WORKER = 10_000
"""Calls after which a process is replaced, so that leaks end. At 64 a call with torch costs 26 ms more, at 10,000 nothing."""
_WATCHED = 1000
"""References in one `ray.wait`, whose cost grows with their number."""
_GLANCE = 0.05
"""Seconds that a wait stays with one window of references before it looks at the others."""


_SURPLUS = 2
"""Calls in the queue, so that a worker never waits for the driver; a tenth of the slots where these are many."""
_NO_BOUND = 2**31


@dataclass(frozen=True)
class _Flying:
    """A call in flight, and what it reserves."""

    ticket: int
    call: Call
    shape: Shape


class RayExecutor:
    """Runs each call as one Ray task that reserves ``cpus`` CPUs, ``gpus`` GPUs and ``memory`` bytes; made while attached.

    ``slots`` bounds the calls at once; left out, it is what the live nodes hold, looked at again every five seconds. ``pending``
    calls wait in the cluster's queue beyond these, for an autoscaler to see, which may have no node yet. Where the cluster dies,
    every call in flight completes with a failure of kind ``cluster``.

    Raises `InfeasibleError` when no node can hold such a task, and no autoscaler is told of.
    """

    def __init__(
        self,
        slots: int | None = None,
        cpus: float = 1,
        gpus: float = 0,
        memory: float = 0,
        pending: int | None = None,
    ) -> None:
        self._bound, self.shape, self._pending = slots, Shape(cpus, gpus, memory), pending
        self.nodes = Nodes()
        if pending is None:
            self._check_shape()
        # `max_calls` can be set here only, and is 1 for a task with a GPU unless it is.
        self._remote = ray.remote(max_calls=_CALLS_PER_WORKER, max_retries=0, retry_exceptions=False)(_perform)
        self._with_options: dict[str, Any] = {}
        self._whereabouts = Whereabouts(self.nodes.ours)
        self._tickets = itertools.count()
        self._flight: dict[ObjectRef[Any], _Flying] = {}
        self.payloads = Payloads()
        self._refused: list[Completion] = []

    @property
    def slots(self) -> int:
        """How many calls can run at once, as things stand."""
        return min(self.slots_now(), self._bound or _NO_BOUND)

    @property
    def wanted(self) -> int:
        """How many calls are worth having in flight: as many as run, and some in the queue, unless these would run too."""
        now, bound = self.slots_now(), self._bound or _NO_BOUND
        if now >= bound:
            return bound + (_SURPLUS if now == bound else 0)
        return min(now + (max(_SURPLUS, now // 10) if self._pending is None else self._pending), bound)

    @property
    def in_flight(self) -> int:
        """How many calls are to complete yet."""
        return len(self._flight) + len(self._refused)

    @property
    def waits_for_nodes(self) -> bool:
        """Whether an autoscaler is to bring nodes, so that none has to be there yet."""
        return self._pending is not None

    def slots_now(self) -> int:
        """Return how many calls the live nodes hold, as last seen: at most some five seconds ago."""
        return count_slots(self.nodes.alive(), self.shape)

    def submit(self, call: Call) -> int:
        """Take a call in; return its ticket. A call that Ray refuses completes with a failure."""
        ticket, nodes = next(self._tickets), self.nodes.alive()
        shape = shape_of(self.shape, call.needs, nodes)
        try:
            values = [self.payloads.store(value) for value in call.arguments.values()]
            about = (ticket, self._whereabouts.register, call.function, list(call.arguments))
            ref = self._shaped(options_of(shape, call.needs.avoid, nodes)).remote(*about, *values)
        except RayError as error:
            self.payloads.release(call.arguments.values())
            self._refused.append(Completion(ticket, call, failure=ray_failed(error)))
        else:
            self._flight[ref] = _Flying(ticket, call, shape)
        return ticket

    def wait(self, timeout: float) -> list[Completion]:
        """Return all that has ended, as soon as anything has; nothing after ``timeout`` seconds or with no call in flight."""
        done, self._refused = self._refused, []
        done += self._collect(self._ready(0.0 if done else timeout))
        trouble = None if done or not self._flight else self.nodes.trouble()
        return self._abandon_all(trouble) if trouble else done + self._misfits()

    def running(self, tickets: Collection[int]) -> Mapping[int, tuple[Site, float]]:
        """Return where those calls run, and for how many seconds they have; those in the queue are left out."""
        return self._whereabouts.find(tickets)

    def abandon(self, ticket: int) -> None:
        """Kill one call and forget it."""
        for ref in [ref for ref, flying in self._flight.items() if flying.ticket == ticket]:
            self.payloads.release(self._flight.pop(ref).call.arguments.values())
            ray.cancel(ref, force=True)

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
            self._whereabouts.close()

    def _shaped(self, options: Mapping[str, Any]) -> Any:
        """Return the remote function with these options; checking them costs as much as submitting a call."""
        name = str(sorted(options.items()))
        if name not in self._with_options:
            self._with_options[name] = self._remote.options(**options)
        return self._with_options[name]

    def _check_shape(self) -> None:
        shape, nodes = self.shape, self.nodes.alive()
        if count_slots(nodes, shape) == 0:
            largest = max(nodes, key=lambda node: (node.gpus, node.cpus))
            about = [f"{shape.cpus:g} CPUs and {shape.gpus:g} GPUs", f"{largest.cpus:g} CPUs and {largest.gpus:g} GPUs"]
            if shape.memory:
                about = [f"{about[0]} and {_mib(shape.memory)}", f"{about[1]} and {_mib(largest.memory)}"]
            raise InfeasibleError(
                f"no node can hold a task of {about[0]}: the largest of {len(nodes)} has {about[1]}; lower "
                f"{'resources.memory, ' if shape.memory else ''}resources.cpus or resources.gpus"
            )

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

    def _collect(self, refs: list[ObjectRef[Any]]) -> list[Completion]:
        """Return the completions of references that are ready."""
        done, errors = [], []
        for ref in refs:
            flying = self._flight.pop(ref)
            ticket, call = flying.ticket, flying.call
            self.payloads.release(call.arguments.values())
            try:
                site, seconds, result = ray.get(ref)
                done.append(completion(ticket, call, result, Site(*site), seconds))
            except Exception as error:
                errors.append((ticket, call, ray_failed(error)))
        # All at once: where a node dies, so do all calls on it.
        found = self.running([ticket for ticket, _, _ in errors]) if errors else {}
        for ticket, call, failure in errors:
            site, seconds = found.get(ticket, (None, None))
            done.append(Completion(ticket, call, None, failure, site, seconds))
        return done

    def _misfits(self) -> list[Completion]:
        """Complete calls that have come to want more than any live node has: the largest one may have died."""
        nodes = self.nodes.alive()
        larger = [flying for flying in self._flight.values() if flying.shape != self.shape]
        lost = [flying for flying in larger if not count_slots(nodes, flying.shape) and count_slots(nodes, self.shape)]
        for flying in lost:
            self.abandon(flying.ticket)
        failure = Failure("node", "the only node that could hold it has died")
        return [Completion(flying.ticket, flying.call, failure=failure) for flying in lost]

    def _abandon_all(self, trouble: str) -> list[Completion]:
        """Complete every call in flight with the same failure: the cluster is no more."""
        flying = list(self._flight.values())
        self._forget()
        return [Completion(each.ticket, each.call, failure=Failure("cluster", trouble)) for each in flying]

    def _forget(self) -> list[ObjectRef[Any]]:
        refs = list(self._flight)
        self._flight.clear()
        self.payloads.clear()
        self._refused.clear()
        return refs


def _perform(ticket: int, register: Any, function: str, names: list[str], *values: Any) -> Any:
    """Run a call in a worker; values are arguments of their own, since Ray fetches references only at the top."""
    site, began = here(), time.monotonic()
    register.begin.remote(ticket, site)
    result = perform(function, dict(zip(names, values, strict=True)))
    return site, time.monotonic() - began, result


def _mib(size: float) -> str:
    return f"{size / 2**20:.0f} MiB"


def _all_ready(refs: list[ObjectRef[Any]]) -> Iterator[ObjectRef[Any]]:
    ready, _ = ray.wait(refs, num_returns=len(refs), timeout=0)
    yield from ready

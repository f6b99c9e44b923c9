"""An executor on Ray that runs some of its calls as gangs: each on several workers at once, or not at all."""

from __future__ import annotations

import itertools
import time
from collections.abc import Collection, Mapping

import ray
from ray.exceptions import RayError

from cluster.nodes import count_slots
from orchestrator.executor import Call, Completion, InfeasibleError, Site
from orchestrator.failures import Failure
from orchestrator.figures import count
from orchestrator.ray_executor import RayExecutor
from orchestrator.ray_failures import ray_failed
from orchestrator.ray_gang import RayGang
from orchestrator.reservation import gang_shape

__all__ = ["RayGangs"]

_GLANCE = 0.05
"""Seconds between two looks at the gangs, where other calls are in flight too."""


class RayGangs:
    """Wraps ``executor``: calls with shares run as gangs, of at most ``workers``, and all others as they would without.

    Raises `InfeasibleError` where the live nodes do not hold so many workers at once, unless an autoscaler is to bring more.
    """

    def __init__(self, executor: RayExecutor, workers: int) -> None:
        self._executor = executor
        self._gangs: dict[int, RayGang] = {}
        self._tickets = itertools.count(-1, -1)  # none of which is one of the executor's
        self._refused: list[Completion] = []
        if not executor.waits_for_nodes:
            self._check_room(workers)

    @property
    def slots(self) -> int:
        """How many calls can run at once; none where a gang is in flight that the live nodes do not hold."""
        nodes, gangs = self._executor.nodes.alive(), self._gangs.values()
        held = all(count_slots(nodes, gang.shape) >= gang.call.workers for gang in gangs)
        return self._executor.slots if held else 0

    @property
    def wanted(self) -> int:
        """How many calls are worth having in flight; while a gang waits no more than run, for others would take its room."""
        waits = any(gang.running is None for gang in self._gangs.values())
        wanted = self._executor.wanted
        return min(wanted, self._executor.slots) if waits and not self._executor.waits_for_nodes else wanted

    def submit(self, call: Call) -> int:
        """Take a call in; return its ticket. A gang that Ray refuses completes with a failure."""
        if call.workers == 1:
            return self._executor.submit(call)
        ticket = next(self._tickets)
        shape = gang_shape(self._executor.shape, call.needs, self._executor.nodes.alive(), call.workers)
        try:
            arguments = [
                {name: self._executor.payloads.store(value) for name, value in each.items()}
                for each in _arguments(call)
            ]
            self._gangs[ticket] = RayGang(ticket, call, shape, arguments)
        except RayError as error:
            self._release(call)
            self._refused.append(Completion(ticket, call, failure=ray_failed(error)))
        return ticket

    def wait(self, timeout: float) -> list[Completion]:
        """Return what has ended, as soon as anything has; nothing after ``timeout`` seconds or with no call in flight."""
        done, self._refused = self._refused, []
        deadline = time.monotonic() + timeout
        while not done and self._gangs:
            left = max(0.0, deadline - time.monotonic())
            beneath = self._executor.in_flight > 0
            done = self._ended(0.0 if beneath else left)
            done += self._executor.wait(min(left, _GLANCE) if beneath and not done else 0.0)
            if left == 0.0:
                return done
        return done or self._executor.wait(max(0.0, deadline - time.monotonic()))

    def running(self, tickets: Collection[int]) -> Mapping[int, tuple[Site, float]]:
        """Return where those calls run, a gang where its first worker does, and for how many seconds they have."""
        known = {ticket: self._gangs[ticket].running for ticket in tickets if ticket in self._gangs}
        others = [ticket for ticket in tickets if ticket >= 0]
        found = dict(self._executor.running(others)) if others else {}
        return found | {ticket: running for ticket, running in known.items() if running is not None}

    def abandon(self, ticket: int) -> None:
        """Kill one call and forget it."""
        if ticket in self._gangs:
            self._remove(ticket)
        else:
            self._executor.abandon(ticket)

    def cancel(self) -> None:
        """Kill what runs, forget what is in flight."""
        for ticket in list(self._gangs):
            self._remove(ticket)
        self._refused.clear()
        self._executor.cancel()

    def close(self) -> None:
        """Cancel. Ray itself belongs to whoever attached."""
        if ray.is_initialized():
            self.cancel()
        self._executor.close()

    def _check_room(self, workers: int) -> None:
        shape, nodes = self._executor.shape, self._executor.nodes.alive()
        held = count_slots(nodes, shape)
        if held < workers:
            each, where = f"{shape.cpus:g} CPUs and {shape.gpus:g} GPUs", count(len(nodes), "live node")
            raise InfeasibleError(
                f"a gang of {workers} tasks of {each} each: {where} can hold {held} at once; lower resources.workers, "
                "resources.cpus or resources.gpus"
            )

    def _ended(self, timeout: float) -> list[Completion]:
        """Wait for any worker of any gang; return the completions of gangs that are over."""
        by_waited = {id(each): (gang, each) for gang in self._gangs.values() for each in gang.waited}
        ready, _ = ray.wait([each for _, each in by_waited.values()], num_returns=1, timeout=timeout)
        for each in ready:
            by_waited[id(each)][0].take(each)
        over = [gang for gang in self._gangs.values() if gang.is_over]
        for gang in over:
            self._remove(gang.ticket)
        trouble = None if over else self._executor.nodes.trouble()
        return self._lost(trouble) if trouble else [gang.completion() for gang in over]

    def _lost(self, trouble: str) -> list[Completion]:
        """Complete every gang with the same failure: the cluster is no more, and cannot be asked to dissolve them."""
        gangs = list(self._gangs.values())
        self._gangs.clear()
        return [Completion(gang.ticket, gang.call, failure=Failure("cluster", trouble)) for gang in gangs]

    def _remove(self, ticket: int) -> None:
        gang = self._gangs.pop(ticket)
        gang.dissolve()
        self._release(gang.call)

    def _release(self, call: Call) -> None:
        self._executor.payloads.release(value for each in _arguments(call) for value in each.values())


def _arguments(call: Call) -> list[dict[str, object]]:
    """Return what each worker is called with."""
    return [{**call.arguments, **share} for share in call.shares]

"""One call that several workers run together on Ray: a placement group with a bundle for each, from its request to its end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any, TypeAlias

import ray
from ray import ObjectRef, ObjectRefGenerator
from ray.exceptions import RayError
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from cluster.nodes import Shape
from distiller.gang import GangError
from orchestrator import gang_tasks
from orchestrator.executor import Call, Completion, Site, completion
from orchestrator.failures import Failure
from orchestrator.gang_tasks import Part
from orchestrator.ray_failures import ray_failed

__all__ = ["RayGang", "Waited"]

_CALLS_PER_WORKER = 10_000  # as `orchestrator.ray_executor` has it

Waited: TypeAlias = "ObjectRef[Any] | ObjectRefGenerator"
"""What `ray.wait` can wait for: the end of a worker, or the next word of the first."""


class RayGang:
    """The call of ``ticket`` on as many workers as ``arguments`` has entries, each of which reserves ``shape``.

    Ray reserves all bundles or none, so that gangs that compete for room never hold a part of it. The first worker says where the
    others find it; then these start. Whichever fails fails the gang: the others are of no use any more.
    """

    def __init__(self, ticket: int, call: Call, shape: Shape, arguments: Sequence[dict[str, Any]]) -> None:
        self.ticket, self.call, self.shape = ticket, call, shape
        self._arguments = arguments
        self._site: Site | None = None
        self._began = 0.0
        self._failures: list[tuple[Waited, Failure]] = []
        self._result: Any = None
        self._seconds: float | None = None
        bundle = {"CPU": shape.cpus, "GPU": shape.gpus, "memory": float(int(shape.memory))}
        bundle = {name: amount for name, amount in bundle.items() if amount > 0}
        # On one node where that holds them all, else spread.
        self._group = placement_group([bundle] * len(arguments), strategy="PACK")
        try:
            self._first: Waited = self._start(0)
        except BaseException:
            remove_placement_group(self._group)
            raise
        self._waited: list[Waited] = [self._first]

    @property
    def waited(self) -> Sequence[Waited]:
        """What is to be waited for; each that is ready is given to `take`."""
        return self._waited

    @property
    def is_over(self) -> bool:
        """Whether all workers have ended, or one has failed by its own fault."""
        return not self._waited or any(not _is_echo(failure) for _, failure in self._failures)

    @property
    def running(self) -> tuple[Site, float] | None:
        """Where the first worker is, and for how many seconds it has been known to run; `None` before."""
        return None if self._site is None else (self._site, time.monotonic() - self._began)

    def take(self, ready: Waited) -> None:
        """Take in what is ready."""
        try:
            self._hear(ready, ray.get(next(ready) if isinstance(ready, ObjectRefGenerator) else ready))
        except StopIteration:
            self._waited.remove(ready)
        except Exception as error:
            self._waited.remove(ready)
            self._failures.append((ready, ray_failed(error)))

    def completion(self) -> Completion:
        """Return how it ended: with the first worker's result, or with the failure that was not another one's consequence.

        Its site is that of the first worker, and of no other one's failure.
        """
        if not self._failures:
            return completion(self.ticket, self.call, self._result, self._site, self._seconds)
        own = [(worker, failure) for worker, failure in self._failures if not _is_echo(failure)]
        worker, failure = own[0] if own else (None, Failure("crash", self._failures[0][1].message))
        site = self._site if worker is self._first else None
        return Completion(self.ticket, self.call, None, failure, site, self._seconds)

    def dissolve(self) -> None:
        """Kill what still runs, and give the bundles back; at a second time nothing is left to do."""
        for each in self._waited:
            with contextlib.suppress(RayError):
                ray.cancel(each, force=True)
        self._waited = []
        with contextlib.suppress(RayError):
            remove_placement_group(self._group)

    def _hear(self, ready: Waited, said: Any) -> None:
        if ready is not self._first:
            self._waited.remove(ready)
            self._failures += [(ready, said)] if said is not None else []
        elif self._site is None:
            site, address = said
            self._site, self._began = Site(*site), time.monotonic()
            self._waited += [self._start(rank, address) for rank in range(1, len(self._arguments))]
        else:
            self._result, self._seconds = said
            self._failures += [(ready, self._result)] if isinstance(self._result, Failure) else []

    def _start(self, rank: int, address: tuple[str, int] | None = None) -> Waited:
        """Submit a worker to its bundle; all but the first are told the ``address``."""
        task = gang_tasks.lead if address is None else gang_tasks.follow
        options: dict[str, Any] = {
            "num_cpus": self.shape.cpus,
            "num_gpus": self.shape.gpus,
            "num_returns": "streaming" if address is None else 1,
            "scheduling_strategy": PlacementGroupSchedulingStrategy(self._group, rank),
        }
        if self.shape.memory > 0:
            options["memory"] = int(self.shape.memory)
        remote = ray.remote(max_calls=_CALLS_PER_WORKER, max_retries=0, retry_exceptions=False)(task)
        part = Part(rank, len(self._arguments), self.shape.gpus >= 1)
        arguments = self._arguments[rank]
        told = () if address is None else (address,)
        submitted: Waited = remote.options(**options).remote(
            part, *told, self.call.function, list(arguments), *arguments.values()
        )
        return submitted


def _is_echo(failure: Failure) -> bool:
    """Say whether a worker only could not reach another one, which then has a failure of its own, known already or soon."""
    return failure.message.startswith(f"{GangError.__name__}: ")

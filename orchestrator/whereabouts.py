"""Where Ray tasks run, and since when: Ray itself tells a driver neither, least of all of a task whose process has died.

Each task says so as it begins, without waiting for an answer, to one actor that reserves nothing. Losing it loses no result:
calls whose whereabouts are not known have no time limit, and their failures name no node.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Collection, Mapping
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from orchestrator.executor import Site

__all__ = ["Whereabouts", "here"]

_PATIENCE = 5.0
"""Seconds that the driver waits for an answer."""

Plain = tuple[str, str, int, tuple[str, ...]]
"""A `Site` as it travels."""


class Register:
    """The actor: what each process was last heard to begin. Its clock is the only one that counts."""

    def __init__(self) -> None:
        self._begun: dict[tuple[str, int], tuple[int, Plain, float]] = {}

    def begin(self, ticket: int, site: Plain) -> None:
        """Take in that the call of ``ticket`` begins."""
        self._begun[site[0], site[2]] = (ticket, site, time.monotonic())

    def find(self, tickets: Collection[int]) -> list[tuple[int, Plain, float]]:
        """Return ticket, site and seconds since the beginning of those calls that are the last of their processes."""
        wanted, now = set(tickets), time.monotonic()
        return [(ticket, site, now - since) for ticket, site, since in self._begun.values() if ticket in wanted]


class Whereabouts:
    """The driver's side; made while attached, beside the node named ``node``."""

    def __init__(self, node: str) -> None:
        beside = NodeAffinitySchedulingStrategy(node, soft=True)
        # Not awaited: a task's first word waits for the actor, and nothing waits for that word.
        self.register: Any = (
            ray.remote(Register).options(num_cpus=0, max_restarts=-1, scheduling_strategy=beside).remote()
        )

    def find(self, tickets: Collection[int]) -> Mapping[int, tuple[Site, float]]:
        """Return where those calls are, and for how many seconds they have been at work, as far as known."""
        with contextlib.suppress(RayError):
            found = ray.get(self.register.find.remote(list(tickets)), timeout=_PATIENCE)
            return {ticket: (Site(*site), seconds) for ticket, site, seconds in found}
        return {}

    def close(self) -> None:
        """End the actor."""
        with contextlib.suppress(RayError):
            ray.kill(self.register)


def here() -> Plain:
    """Return where this worker is."""
    context = ray.get_runtime_context()
    gpus = tuple(map(str, context.get_accelerator_ids().get("GPU", ())))
    return context.get_node_id(), socket.gethostname(), os.getpid(), gpus

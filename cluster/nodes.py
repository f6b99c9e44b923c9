"""What the nodes of the attached cluster can hold, asked in the background so that a dead head never blocks the caller."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from dataclasses import dataclass

import ray
from ray.exceptions import RayError

__all__ = ["Node", "Nodes", "count_slots"]

_EVERY = 5.0
"""Seconds between two looks at the nodes."""
_PATIENCE = 30.0
"""Seconds without an answer after which the head counts as lost; Ray itself ends the process after 60."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Node:
    """A live node: its CPUs and GPUs, whoever uses them, and whether this process is attached through it."""

    cpus: float
    gpus: float
    is_ours: bool

    def slots(self, cpus: float, gpus: float) -> int:
        """Return how many tasks of ``cpus`` and ``gpus`` each fit on it; a part of a GPU never spans two."""
        fits = []
        if cpus > 0:
            fits.append(math.floor(self.cpus / cpus + _ROUNDING))
        if 0 < gpus < 1:
            fits.append(math.floor(self.gpus) * math.floor(1 / gpus + _ROUNDING))
        elif gpus > 0:
            fits.append(math.floor(self.gpus / gpus + _ROUNDING))
        return min(fits, default=math.floor(self.cpus))


def count_slots(nodes: tuple[Node, ...], cpus: float, gpus: float) -> int:
    """Return how many tasks of ``cpus`` and ``gpus`` each the nodes hold at once."""
    return sum(node.slots(cpus, gpus) for node in nodes)


class Nodes:
    """The live nodes, looked at again at most every five seconds. Made while attached."""

    def __init__(self) -> None:
        self._ours = ray.get_runtime_context().get_node_id()
        self._alive = self._look()
        self._asked = time.monotonic()
        self._silent_since: float | None = None
        self._asking: threading.Thread | None = None

    def alive(self) -> tuple[Node, ...]:
        """Return the live nodes as last seen; where that was five seconds ago, look again in the background."""
        now = time.monotonic()
        if now - self._asked > _EVERY and not (self._asking and self._asking.is_alive()):
            self._asked = now
            self._silent_since = self._silent_since or now
            self._asking = threading.Thread(target=self._refresh, name="stillhouse-nodes", daemon=True)
            self._asking.start()
        return self._alive

    def trouble(self) -> str | None:
        """Say in one line why no task can run any more, or return `None`: all is well."""
        alive = self.alive()
        if self._silent_since is not None and time.monotonic() - self._silent_since > _PATIENCE:
            return f"the cluster's head has not answered for {_PATIENCE:.0f} seconds"
        if not any(node.is_ours for node in alive):
            return "the Ray node that this process is attached to has died"
        return None

    def _refresh(self) -> None:
        # An error of Ray's is no answer; the next look may get one. Detached, asking would start a Ray of its own.
        with contextlib.suppress(RayError, OSError, RuntimeError):
            if ray.is_initialized():
                self._alive = self._look()
                self._silent_since = None

    def _look(self) -> tuple[Node, ...]:
        entries = ray.nodes()  # type: ignore[no-untyped-call]
        found = [(entry["NodeID"], entry["Resources"]) for entry in entries if entry["Alive"]]
        return tuple(Node(held.get("CPU", 0.0), held.get("GPU", 0.0), name == self._ours) for name, held in found)

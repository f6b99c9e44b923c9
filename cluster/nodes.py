"""What the nodes of the attached cluster can hold, asked in the background so that a dead head never blocks the caller."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

import ray
from ray.exceptions import RayError

__all__ = ["Node", "Nodes", "Shape", "count_slots"]

_EVERY = 5.0
"""Seconds between two looks at the nodes."""
_PATIENCE = 30.0
"""Seconds without an answer after which the head counts as lost; Ray itself ends the process after 60."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Shape:
    """What one task reserves; ``memory`` in bytes."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory: float = 0.0


@dataclass(frozen=True)
class Node:
    """A live node: its name, its CPUs, GPUs and bytes of memory, whoever uses them, and whether we are attached through it."""

    cpus: float
    gpus: float
    is_ours: bool
    memory: float = math.inf
    name: str = ""

    def slots(self, shape: Shape) -> int:
        """Return how many tasks of ``shape`` fit on it; a part of a GPU never spans two."""
        fits = []
        if shape.cpus > 0:
            fits.append(math.floor(self.cpus / shape.cpus + _ROUNDING))
        if 0 < shape.gpus < 1:
            fits.append(math.floor(self.gpus) * math.floor(1 / shape.gpus + _ROUNDING))
        elif shape.gpus > 0:
            fits.append(math.floor(self.gpus / shape.gpus + _ROUNDING))
        if shape.memory > 0 and self.memory < math.inf:
            fits.append(math.floor(self.memory / shape.memory + _ROUNDING))
        return min(fits, default=math.floor(self.cpus))


def count_slots(nodes: Iterable[Node], shape: Shape) -> int:
    """Return how many tasks of ``shape`` the nodes hold at once."""
    return sum(node.slots(shape) for node in nodes)


class Nodes:
    """The live nodes, looked at again at most every five seconds. Made while attached."""

    def __init__(self) -> None:
        self._ours = ray.get_runtime_context().get_node_id()
        self._alive = self._look()
        self._asked = time.monotonic()
        self._silent_since: float | None = None
        self._asking: threading.Thread | None = None

    @property
    def ours(self) -> str:
        """The name of the node that this process is attached through."""
        return str(self._ours)

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
        return tuple(
            Node(held.get("CPU", 0.0), held.get("GPU", 0.0), name == self._ours, held.get("memory", math.inf), name)
            for name, held in found
        )

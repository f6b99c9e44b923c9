"""What the workers of a gang run on Ray: the first opens a meeting, the others join it, all of them perform the call."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ray

from cluster.interface import interface_of
from distiller.meeting import join_meeting, open_meeting
from orchestrator.executor import perform
from orchestrator.failures import Failure
from orchestrator.whereabouts import here

__all__ = ["Part", "follow", "lead"]


@dataclass(frozen=True)
class Part:
    """The part of one worker in a gang: its ``rank`` among ``workers``, and whether each has a GPU of its own."""

    rank: int
    workers: int
    own_gpus: bool


def lead(part: Part, function: str, names: Sequence[str], *values: Any) -> Iterator[Any]:
    """Be the first worker: yield where it runs and the address that it has opened, then the call's result and its seconds."""
    began, host = time.monotonic(), _host()
    meeting, port = open_meeting(host, part.workers, part.own_gpus)
    yield here(), (host, port)
    result = perform(function, {**dict(zip(names, values, strict=True)), "meeting": meeting})
    yield result, time.monotonic() - began


def follow(part: Part, address: tuple[str, int], function: str, names: Sequence[str], *values: Any) -> Failure | None:
    """Be another worker; its result is that of the first, and only a failure comes back."""
    _host()
    meeting = join_meeting(*address, part.rank, part.workers, part.own_gpus)
    result = perform(function, {**dict(zip(names, values, strict=True)), "meeting": meeting})
    return result if isinstance(result, Failure) else None


def _host() -> str:
    """Return the address by which the cluster knows this machine, and have gloo use it.

    Gloo goes by the machine's name instead, which many a machine knows as its loopback.
    """
    address = str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
    interface = interface_of(address)
    if interface is not None:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)
    return address

"""How the workers of a gang find each other: by torch's key-value store, at a port that the first of them has opened."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch.distributed as dist
from torch.distributed.distributed_c10d import Store

from distiller.gang import ALONE, Gang, broken

__all__ = ["Meeting", "join_meeting", "meet", "open_meeting"]

_PATIENCE = timedelta(minutes=30)
"""How long a worker waits for another one, which may be loading data still, or have the slower machine."""


@dataclass(frozen=True)
class Meeting:
    """The store at which ``workers`` meet, and the ``rank`` of this process among them."""

    store: Store
    rank: int
    workers: int
    own_gpus: bool = False
    """Whether each has a GPU that no other one uses, as NCCL wants it."""


def open_meeting(host: str, workers: int, own_gpus: bool = False) -> tuple[Meeting, int]:
    """Return the first worker's meeting, and its port, which the system has chosen and which only ``host`` has open.

    It ends with the store. Raises `GangError` where ``host`` is no address of this machine.
    """
    with broken("open a port"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, 0), family=family)
        port = int(listening.getsockname()[1])
        # The store owns the socket from here on; at no time could another process have taken its port.
        store = _store(host, port, workers, True, wait_for_workers=False, master_listen_fd=listening.detach())
    return Meeting(store, 0, workers, own_gpus), port


def join_meeting(host: str, port: int, rank: int, workers: int, own_gpus: bool = False) -> Meeting:
    """Return the meeting of the worker of number ``rank``, at what the first one has opened.

    Raises `GangError` where it cannot be reached.
    """
    with broken("reach the first of them"):
        return Meeting(_store(host, port, workers, False), rank, workers, own_gpus)


@contextlib.contextmanager
def meet(meeting: Meeting | None, device: str) -> Iterator[Gang]:
    """Wait for the others and give the gang, whose work is on ``device``; alone where there is no meeting.

    By NCCL where each worker has a GPU of its own, else by gloo. One that leaves by an exception leaves at once, and the others
    get a `GangError`.
    """
    if meeting is None:
        yield ALONE
        return
    backend = "nccl" if device == "cuda" and meeting.own_gpus else "gloo"
    with broken("meet"):
        dist.init_process_group(
            backend, timeout=_PATIENCE, store=meeting.store, rank=meeting.rank, world_size=meeting.workers
        )
    try:
        yield Gang(meeting.rank, meeting.workers, device if backend == "nccl" else "cpu")
        with broken("part"):
            dist.barrier()  # the store ends with the first of them
    finally:
        dist.destroy_process_group()


def _store(host: str, port: int, workers: int, is_first: bool, **options: Any) -> Store:
    # torch's own stubs leave this class out.
    store: Store = dist.TCPStore(host, port, workers, is_first, _PATIENCE, **options)  # type: ignore[attr-defined]
    return store

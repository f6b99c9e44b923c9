"""Several workers that compute one outer step together, each on its share of the networks.

A worker is a process, on this machine or on another; see `distiller.meeting` for how they find each other. All do the same outer
steps on the same state, for gradients become one sum before anything is done with them. Networks are parted between the chunks
that are computed at once, and the sum goes from worker to worker in the order of the chunks: one worker alone adds the same
numbers in the same order, so that on machines of one kind the number of workers changes no bit.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["ALONE", "Gang", "GangError", "broken", "shares"]


class GangError(RuntimeError):
    """A worker cannot reach the others, most often since one of them is no more; one line."""


def shares(networks: int, chunk: int, workers: int) -> list[slice]:
    """Return the networks of each worker: whole chunks, as many as another one's or one more.

    Raises `ValueError` for more workers than chunks.
    """
    chunks = math.ceil(networks / chunk)
    if workers > chunks:
        raise ValueError(f"{workers} workers for {chunks} chunks of networks")
    ends = [min(networks, chunk * (chunks * rank // workers)) for rank in range(workers + 1)]
    return [slice(first, last) for first, last in pairwise(ends)]


@dataclass(frozen=True)
class Gang:
    """This process as one of ``workers``, the one of number ``rank``; all of them have to make the same calls.

    Their tensors are on the ``wire`` device when they travel. Methods raise `GangError` where another worker is gone.
    """

    rank: int = 0
    workers: int = 1
    wire: str = "cpu"

    def total(self, parts: Iterable[Sequence[Tensor]]) -> tuple[Tensor, ...]:
        """Add up the parts of all workers, one after another in their order; a part is a group of tensors.

        Every worker has the same sum. It alone travels, from each worker to the next, then from the last one to all. The first
        worker adds each part as it comes; the others hold theirs, for they begin with what comes before.
        """
        shapes: list[torch.Size] = []
        total = self._passed_on(_flat(parts, shapes))
        split = torch.split(total, [math.prod(shape) for shape in shapes])
        return tuple(tensor.view(shape) for tensor, shape in zip(split, shapes, strict=True))

    def whole(self, values: Tensor) -> Tensor:
        """Return the ``values`` [k] of all workers, each maybe of another length, one after another: [K]."""
        if self.workers == 1:
            return values
        with broken("gather"):
            lengths = torch.zeros(self.workers, dtype=torch.int64, device=self.wire)
            lengths[self.rank] = len(values)
            dist.all_reduce(lengths)
            padded = torch.zeros(int(lengths.max()), dtype=values.dtype, device=self.wire)
            padded[: len(values)] = values.to(self.wire)
            found = [torch.empty_like(padded) for _ in range(self.workers)]
            dist.all_gather(found, padded)
        parts = [part[:length] for part, length in zip(found, lengths.tolist(), strict=True)]
        return torch.cat(parts).to(values.device)

    def _passed_on(self, parts: Iterable[Tensor]) -> Tensor:
        """Add ``parts`` to the sum of the workers before this one, hand it on, and return that of all."""
        if self.rank > 0:
            parts = list(parts)  # before anything is waited for: workers compute side by side
            with broken("add up"):
                received = torch.empty_like(parts[0], device=self.wire)
                dist.recv(received, self.rank - 1)
                parts = [received.to(parts[0].device), *parts]
        own = _sum(parts)
        if self.workers == 1:
            return own
        with broken("add up"):
            total = own.to(self.wire)
            if self.rank + 1 < self.workers:
                dist.send(total, self.rank + 1)
            dist.broadcast(total, self.workers - 1)
        return total.to(own.device)


ALONE = Gang()
"""One worker, which has nobody to wait for."""


@contextlib.contextmanager
def broken(what: str) -> Iterator[None]:
    """Raise an error of torch.distributed as `GangError`, so that nobody takes it for one of the recipe's own."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, OSError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise GangError(f"the workers of a gang could not {what}: {reason}") from error


def _flat(parts: Iterable[Sequence[Tensor]], shapes: list[torch.Size]) -> Iterator[Tensor]:
    """Yield each part as one vector; ``shapes`` become those of a part's tensors."""
    for part in parts:
        shapes[:] = [tensor.shape for tensor in part]
        yield torch.cat([tensor.flatten() for tensor in part])


def _sum(parts: Iterable[Tensor]) -> Tensor:
    return functools.reduce(torch.add, parts)

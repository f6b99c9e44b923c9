"""How many networks an evaluation computes at once: the recipe's ``chunk``, or less where a device has no memory for it.

The recipe's is frozen with the sweep, for it decides the last bits; so memory can only lower it, and rows say what it was. A task
that runs out of memory goes on with half; what then worked, and what a network has taken of a GPU, the driver tells later tasks,
which begin there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch

from distiller.recipe import Recipe
from orchestrator.failures import is_of_memory

__all__ = ["Chunks", "device_name", "in_chunks", "release"]

Result = TypeVar("Result")

_USED = 0.9
"""How much of a GPU's free memory a chunk is given, for the allocator needs some for itself."""


class Chunks:
    """What the driver has learnt: by network and kind of device, the chunk that worked and the bytes that a network takes."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, dict[str, int]]] = {}

    def learn(self, network: str, value: Mapping[str, Any]) -> None:
        """Take in what an evaluation has returned: its ``device``, ``chunk``, whether it was ``lowered``, and ``bytes_each``."""
        if not (value.get("lowered") or value.get("bytes_each")):
            return
        known = self._known.setdefault(network, {}).setdefault(value["device"], {})
        if value.get("lowered"):
            known["chunk"] = min(value["chunk"], known.get("chunk", value["chunk"]))
        if value.get("bytes_each"):
            known["bytes_each"] = max(value["bytes_each"], known.get("bytes_each", 0))

    def of(self, network: str) -> Mapping[str, Mapping[str, int]]:
        """Return what a task is told of ``network``, by kind of device; nothing where the recipe's chunk has always worked."""
        return self._known.get(network, {})


def in_chunks(
    recipe: Recipe, seeds: int, known: Mapping[str, Mapping[str, int]], compute: Callable[[Recipe], Result]
) -> tuple[Result, dict[str, Any]]:
    """Return what ``compute`` gives for ``recipe``, at a chunk for which memory suffices, and what to tell the driver of it.

    Raises what ``compute`` does where memory does not suffice for one network of ``seeds``.
    """
    frozen = recipe.chunk or seeds
    chunk = _first_chunk(frozen, known.get(device_name(recipe), {}), recipe)
    while True:
        lowered = dataclasses.replace(recipe, chunk=chunk)
        before = _begin_counting(recipe)
        try:
            result = compute(lowered)
        except Exception as error:
            if chunk == 1 or not is_of_memory(error):
                raise
        else:
            each = (_counted(recipe) - before) // min(chunk, seeds)
            return result, {"chunk": chunk, "lowered": chunk < frozen, "bytes_each": each}
        # Outside the handler: while it lasts, the exception holds the tensors of what has failed.
        chunk = _halved(chunk, seeds)
        release(recipe)


def _halved(chunk: int, seeds: int) -> int:
    """Return half of the chunk, or a quarter and so on where that would still be all of ``seeds`` at once."""
    chunk //= 2
    while chunk > 1 and chunk >= seeds:
        chunk //= 2
    return chunk


def _first_chunk(frozen: int, known: Mapping[str, int], recipe: Recipe) -> int:
    chunk = min(frozen, known.get("chunk", frozen))
    each = known.get("bytes_each", 0)
    if recipe.device == "cuda" and each:
        chunk = fitting(chunk, each, torch.cuda.mem_get_info()[0])
    return chunk


def fitting(chunk: int, bytes_each: int, free: int) -> int:
    """Return ``chunk`` halved until that many networks of ``bytes_each`` go into the ``free`` bytes, 1 at least."""
    while chunk > 1 and chunk * bytes_each > _USED * free:
        chunk //= 2
    return chunk


def device_name(recipe: Recipe) -> str:
    """Return the kind of device that the recipe's task is on."""
    return torch.cuda.get_device_name() if recipe.device == "cuda" else "cpu"


def release(recipe: Recipe) -> None:
    """Give a GPU's cached memory back, for the tasks of other processes that share it."""
    if recipe.device == "cuda":
        torch.cuda.empty_cache()


def _begin_counting(recipe: Recipe) -> int:
    """Return the bytes of the GPU that are in use before, by data sets that stay there."""
    if recipe.device != "cuda":
        return 0
    torch.cuda.reset_peak_memory_stats()
    return torch.cuda.memory_allocated()


def _counted(recipe: Recipe) -> int:
    """Return the bytes of the GPU that were in use at once; nothing is counted on a CPU, where Ray watches the processes."""
    return torch.cuda.max_memory_allocated() if recipe.device == "cuda" else 0

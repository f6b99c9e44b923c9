"""The networks of a recipe: how they are computed, their seeds, and drawing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from distiller.data import Dataset
from distiller.gang import shares
from distiller.networks import NetworkError, Parameters, Stack, build
from distiller.recipe import Recipe
from distiller.seeds import derive, permutation, seed_tensor

__all__ = ["Networks", "draw_networks", "draw_untrained", "network_seeds", "pool_seeds", "stack_of", "worker_shares"]

Networks = Mapping[int, Parameters]
"""Pre-trained networks by their seeds; the parameters of one have no first dimension K."""


def stack_of(recipe: Recipe, dataset: Dataset) -> Stack:
    """Build the recipe's network for ``dataset``, computed on stacks as the recipe says."""
    settled = recipe.settled()
    assert settled.backend != "auto"
    masked = settled.text is None or settled.text.mask
    network = build(settled.network, dataset.shape, dataset.outputs, masked)
    return Stack(network, settled.backend, settled.smoothing, dataset.embedded, settled.threshold, settled.dropout)


def network_seeds(recipe: Recipe, outer_step: int) -> list[int]:
    """Return the seeds of the networks of one outer step: the same at every step for a fixed initialisation.

    A fixed network belongs to (seed, run, index) alone, so that training and every evaluation start from the same ones. Random
    pre-trained ones are drawn from the pool, none twice in a step.
    """
    count = recipe.inits_per_step
    if recipe.init == "fixed":
        return [derive(recipe.seed, "fixed", recipe.run, k) for k in range(count)]
    if recipe.pretrained is not None:
        order = permutation(derive(recipe.seed, "distil", recipe.run, "network", outer_step), recipe.pretrained.pool)
        return [_pool_seed(recipe, place) for place in order[:count].tolist()]
    return [derive(recipe.seed, "distil", recipe.run, "network", outer_step, k) for k in range(count)]


def worker_shares(recipe: Recipe, workers: int) -> list[slice]:
    """Return which of the networks of an outer step each of ``workers`` computes; see `distiller.gang.shares`."""
    return shares(recipe.inits_per_step, recipe.settled().chunk or 1, workers)


def pool_seeds(recipe: Recipe) -> list[int]:
    """Return the seeds of all pre-trained networks that the recipe distils for; none where nothing is pre-trained.

    Every run of a recipe has the same pool, and no evaluation has a network of it: their seeds have other keys.
    """
    if recipe.pretrained is None:
        return []
    if recipe.init == "fixed":
        return network_seeds(recipe, 0)
    return [_pool_seed(recipe, place) for place in range(recipe.pretrained.pool)]


def _pool_seed(recipe: Recipe, place: int) -> int:
    return derive(recipe.seed, "pool", place)


def draw_networks(
    recipe: Recipe, stack: Stack, seeds: Sequence[int], device: torch.device | str, networks: Networks | None = None
) -> Parameters:
    """Draw one network for each seed, in the recipe's dtype and initialisation scheme: [K, ...] a parameter.

    Pre-trained ones are taken from ``networks``. Raises `NetworkError` where one of them is not there.
    """
    if recipe.pretrained is None:
        return draw_untrained(recipe, stack, seeds, device)
    there = networks or {}
    missing = [seed for seed in seeds if seed not in there]
    if missing:
        raise NetworkError(f"{len(missing)} of {len(seeds)} pre-trained networks are not there, such as {missing[0]}")
    chosen = zip(*(there[seed] for seed in seeds), strict=True)
    return tuple(torch.stack(parts).to(device, getattr(torch, recipe.dtype)) for parts in chosen)


def draw_untrained(recipe: Recipe, stack: Stack, seeds: Sequence[int], device: torch.device | str) -> Parameters:
    """Draw one network for each seed as it is before any training, pre-training too."""
    return stack.draw(recipe.init_scheme, seed_tensor(seeds, device), getattr(torch, recipe.dtype))

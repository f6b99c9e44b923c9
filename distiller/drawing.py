"""The networks of a recipe: how they are computed, their seeds, and drawing them."""

from __future__ import annotations

import torch

from distiller.data import Dataset
from distiller.networks import Parameters, Stack, build
from distiller.recipe import Recipe
from distiller.seeds import derive, seed_tensor

__all__ = ["draw_networks", "network_seeds", "stack_of"]


def stack_of(recipe: Recipe, dataset: Dataset) -> Stack:
    """Build the recipe's network for ``dataset``, computed on stacks as the recipe says."""
    settled = recipe.settled()
    assert settled.backend != "auto"
    return Stack(build(settled.network, dataset.shape, dataset.outputs), settled.backend)


def network_seeds(recipe: Recipe, outer_step: int) -> list[int]:
    """Return the seeds of the networks of one outer step: the same at every step for a fixed initialisation.

    A fixed network belongs to (seed, run, index) alone, so that training and every evaluation start from the same ones.
    """
    if recipe.init == "fixed":
        return [derive(recipe.seed, "fixed", recipe.run, k) for k in range(recipe.inits_per_step)]
    return [derive(recipe.seed, "distil", recipe.run, "network", outer_step, k) for k in range(recipe.inits_per_step)]


def draw_networks(recipe: Recipe, stack: Stack, seeds: list[int], device: torch.device | str) -> Parameters:
    """Draw one network for each seed, in the recipe's dtype and initialisation scheme: [K, ...] a parameter."""
    return stack.draw(recipe.init_scheme, seed_tensor(seeds, device), getattr(torch, recipe.dtype))

"""The outer loop as a value: `start` a distillation, `advance` it by some steps, stop anywhere, go on elsewhere.

A `State` is a few plain tensors. Every draw of outer step j is keyed by (seed, run, j), not taken from a generator that is
carried along, so that segments of any length, on any worker, give the same distilled set.
"""

from __future__ import annotations

from distiller import label_loop, unrolled
from distiller.data import Dataset
from distiller.distilled import Distilled
from distiller.drawing import Networks, draw_networks, network_seeds, stack_of
from distiller.recipe import Recipe
from distiller.state import State

__all__ = ["State", "advance", "distilled_of", "draw_networks", "network_seeds", "stack_of", "start"]


def start(recipe: Recipe, dataset: Dataset) -> State:
    """Return the state before the first outer step.

    Raises `RealSetError` where more real examples of a class are wanted than there are.
    """
    return unrolled.start(recipe, dataset) if _unrolls(recipe) else label_loop.start(recipe, dataset)


def advance(recipe: Recipe, dataset: Dataset, state: State, steps: int, networks: Networks | None = None) -> State:
    """Return the state after up to ``steps`` more outer steps: fewer where the recipe's end or a divergence comes first.

    ``dataset`` has to be on the recipe's device and in its dtype; its ``train`` part is the real data. ``networks`` are the
    pre-trained ones of these steps, where the recipe has such.
    """
    if _unrolls(recipe):
        return unrolled.advance(recipe, dataset, state, steps, networks)
    return label_loop.advance(recipe, dataset, state, steps)


def distilled_of(recipe: Recipe, dataset: Dataset, state: State) -> Distilled:
    """Return the distilled set that ``state`` has learned, on the CPU."""
    if _unrolls(recipe):
        return unrolled.distilled_of(recipe, dataset, state)
    return label_loop.distilled_of(recipe, dataset, state)


def _unrolls(recipe: Recipe) -> bool:
    return recipe.method == "unrolled"

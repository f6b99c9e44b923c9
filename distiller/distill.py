"""The outer loop as a value: `start` a distillation, `advance` it by some steps, stop anywhere, go on elsewhere.

A `State` is a few plain tensors. Every draw of outer step j is keyed by (seed, run, j), not taken from a generator that is
carried along, so that segments of any length, on any worker, give the same distilled set.
"""

from __future__ import annotations

import math
import time

import torch

from distiller import label_loop, unrolled
from distiller.data import Dataset
from distiller.decode import read_out
from distiller.distilled import Distilled
from distiller.drawing import Networks, draw_networks, network_seeds, stack_of
from distiller.gang import ALONE, Gang
from distiller.method import Method
from distiller.recipe import Recipe
from distiller.state import State

__all__ = ["State", "advance", "distilled_of", "draw_networks", "network_seeds", "stack_of", "start"]


def start(recipe: Recipe, dataset: Dataset) -> State:
    """Return the state before the first outer step.

    Raises `RealSetError` where more real examples of a class are wanted than there are.
    """
    return unrolled.start(recipe, dataset) if _unrolls(recipe) else label_loop.start(recipe, dataset)


def advance(
    recipe: Recipe,
    dataset: Dataset,
    state: State,
    steps: int,
    networks: Networks | None = None,
    gang: Gang = ALONE,
) -> State:
    """Return the state after up to ``steps`` more outer steps: fewer where the recipe's end or a divergence comes first.

    ``dataset`` has to be on the recipe's device and in its dtype; its ``train`` part is the real data. ``networks`` are the
    pre-trained ones of these steps, where the recipe has such. The workers of a ``gang`` all call it alike, each with at least
    the pre-trained networks of its own share, and all get the same state. Raises `GangError` where one of them is gone.
    """
    if state.diverged is not None or state.outer_step >= recipe.outer_steps:
        return state  # as it is, of which whoever goes on after a crash makes the set: it wants no networks
    method = _method(recipe.settled(), dataset, state, networks, gang)
    curve = {name: values.tolist() for name, values in state.curve.items()}
    outer_step, diverged = state.outer_step, state.diverged
    last = min(outer_step + steps, recipe.outer_steps)
    while outer_step < last and diverged is None:
        diverged = _step(method, outer_step, curve, gang.workers)
        outer_step += diverged is None
    logged = {name: torch.tensor(values, dtype=torch.float64) for name, values in curve.items()}
    reached = method.reached()
    return State(
        outer_step, reached.learned, reached.moments, logged, diverged, best=reached.best, online=reached.online
    )


def distilled_of(recipe: Recipe, dataset: Dataset, state: State) -> Distilled:
    """Return the distilled set that ``state`` has learned, on the CPU; sentences with their nearest words."""
    of_method = unrolled.distilled_of if _unrolls(recipe) else label_loop.distilled_of
    return read_out(of_method(recipe, dataset, state), dataset)


def _step(method: Method, outer_step: int, curve: dict[str, list[float]], workers: int) -> str | None:
    """Do one outer step and log it; return what was not finite, in which case nothing was changed."""
    began = time.perf_counter()
    slope = method.slope(outer_step)
    validation, diverged = math.nan, None
    if math.isfinite(slope.loss) and math.isfinite(slope.norm):
        method.descend(outer_step, slope)
        validation = method.validation(outer_step + 1)
    else:
        what = "outer loss" if not math.isfinite(slope.loss) else method.gradient
        diverged = f"the {what} was not finite at outer step {outer_step}"
    row = {"loss": slope.loss, "accuracy": slope.accuracy, "gradient_norm": slope.norm, "validation": validation}
    row["seconds"] = workers * (time.perf_counter() - began)
    for name, values in curve.items():  # a recipe that chooses nothing by validation does not log it
        values.append(row[name])
    return diverged


def _method(recipe: Recipe, dataset: Dataset, state: State, networks: Networks | None, gang: Gang) -> Method:
    if _unrolls(recipe):
        return unrolled.Unrolled(recipe, dataset, state, networks, gang)
    return label_loop.Labels(recipe, dataset, state)


def _unrolls(recipe: Recipe) -> bool:
    return recipe.method == "unrolled"

"""Base examples: the fixed inputs whose labels label distillation learns (Bohdal et al. 2020, arXiv 2006.08572, section 3.1).

They are training examples of the recipe's own data, the same number of each class, or come from another source: the training
examples of any data set, whatever their classes, or standard normal noise. Examples of another source are brought to pixels, 0
to 1, resized bilinearly to the target's height and width, a grey picture repeated in every channel, a colour one made grey by
its luma (ITU-R BT.601), and normalised as the target is.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from distiller.data import Dataset, describe, load, locate
from distiller.real_sets import RealSetError, real_batches
from distiller.recipe import Base, Recipe
from distiller.seeds import derive, normal, permutation, seed_tensor

__all__ = ["base_inputs", "check_base"]

_LUMA = (0.299, 0.587, 0.114)


def base_inputs(recipe: Recipe, dataset: Dataset) -> Tensor:
    """Return the base examples of a recipe, normalised as ``dataset`` is: float [M, *shape], on the CPU.

    Raises `RealSetError` where there are fewer than are wanted, and for a source whose examples are no pictures; `DataError` for
    a source that is absent.
    """
    key = ("distil", recipe.run, "base")
    if recipe.base is None:
        return real_batches(recipe, dataset, *key)[0].flatten(0, 1)
    if recipe.base.data == "noise":
        seeds = seed_tensor([derive(recipe.seed, *key)])
        return normal(seeds, recipe.base.examples * math.prod(dataset.shape)).view(-1, *dataset.shape).to(torch.float32)
    source = dataset if recipe.base.data == recipe.data else load(recipe.base.data)
    chosen = _draw(recipe.base, source, derive(recipe.seed, *key))
    return chosen if source is dataset else _fitted(chosen, source, dataset)


def check_base(recipe: Recipe, shape: tuple[int, ...]) -> None:
    """Raise `DataError` where the source of base examples is absent, `RealSetError` where it does not fit ``shape``."""
    base = recipe.base
    if base is None or base.data == "noise":
        return
    locate(base.data)
    source = describe(base.data)
    if base.data == recipe.data:
        left = source.train - recipe.validation
        _check_count(base, min(left, recipe.real_examples or left))
        return
    _check_pictures(base.data, source.shape)
    _check_pictures(recipe.data, shape)
    _check_count(base, source.train)


def _check_pictures(name: str, shape: tuple[int, ...]) -> None:
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise RealSetError(f"base.data: {name} holds no grey or colour pictures but examples of shape {shape}")


def _check_count(base: Base, there: int) -> None:
    if base.examples > there:
        raise RealSetError(f"base.examples: {base.examples} of {base.data}, which has {there} training examples")


def _draw(base: Base, source: Dataset, seed: int) -> Tensor:
    """Return ``base.examples`` training examples of ``source`` at random, none of them twice."""
    _check_count(base, len(source.train))
    rows = permutation(seed, len(source.train))[: base.examples]
    return source.train.inputs[rows.to(source.train.inputs.device)].cpu()


def _fitted(inputs: Tensor, source: Dataset, target: Dataset) -> Tensor:
    """Bring normalised ``inputs`` of ``source`` to the shape and the normalisation of ``target``."""
    for each in (source, target):
        _check_pictures(each.name, each.shape)
    pixels = inputs * _by_channel(source.std) + _by_channel(source.mean)
    pixels = F.interpolate(pixels, size=target.shape[1:], mode="bilinear", align_corners=False)
    if source.shape[0] < target.shape[0]:
        pixels = pixels.expand(-1, target.shape[0], -1, -1)
    elif source.shape[0] > target.shape[0]:
        pixels = (pixels * _by_channel(_LUMA)).sum(1, keepdim=True)
    return (pixels - _by_channel(target.mean)) / _by_channel(target.std)


def _by_channel(numbers: tuple[float, ...]) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float32)[:, None, None]

"""Batches of real examples in the shape and the order of a distilled set."""

from __future__ import annotations

import torch
from torch import Tensor

from distiller.data import Dataset
from distiller.recipe import Recipe
from distiller.seeds import derive, permutation

__all__ = ["RealSetError", "real_batches", "start_classes"]


class RealSetError(ValueError):
    """More real examples of a class than there are, in one line."""


def start_classes(recipe: Recipe, dataset: Dataset) -> list[int]:
    """Return the class that each of a batch's M examples starts at: all classes in turn, ``per_class`` times.

    This is SLDD's order; DD has the examples of a class side by side, which is the same for one example a class.
    """
    return list(recipe.classes if recipe.classes is not None else range(dataset.classes)) * recipe.per_class


def real_batches(recipe: Recipe, dataset: Dataset, *key: int | str) -> tuple[Tensor, Tensor]:
    """Draw training examples at random within each class: inputs [S, M, *shape] and labels int64 [S, M], on the CPU.

    No example is drawn twice; ``key`` names the draw. Raises `RealSetError` where a class has fewer than are wanted.
    """
    classes = start_classes(recipe, dataset)
    labels = dataset.train.labels.cpu()
    rows = torch.empty(recipe.steps, len(classes), dtype=torch.int64)
    for label in set(classes):
        places = torch.tensor([place for place, each in enumerate(classes) if each == label])
        there = torch.nonzero(labels == label).squeeze(1)
        wanted = recipe.steps * len(places)
        if len(there) < wanted:
            raise RealSetError(
                f"class {label} has {len(there)} training examples; {wanted} are wanted: lower steps or per_class"
            )
        order = permutation(derive(recipe.seed, *key, label), len(there))[:wanted]
        rows[:, places] = there[order].view(recipe.steps, -1)
    # Chosen where the data are: a whole training set is not worth a way from the device for a few rows.
    inputs = dataset.embedded(dataset.train.inputs[rows.to(dataset.train.inputs.device)])
    return inputs.cpu(), labels[rows]

"""Where distilled labels start."""

from __future__ import annotations

import torch
from torch import Tensor

from distiller.data import Dataset
from distiller.losses import one_hot
from distiller.real_sets import start_classes
from distiller.recipe import Recipe
from distiller.seeds import derive, normal, seed_tensor

__all__ = ["start_labels"]

_SMOOTHING = 0.1  # SLDD's later experiments


def start_labels(recipe: Recipe, dataset: Dataset) -> Tensor:
    """Return the labels [S, M, outputs] before the first outer step, in the recipe's dtype.

    ``one_hot`` at the classes of the examples, the same in every batch; ``smoothed``, 0.9 of that and 0.1 shared out among all
    classes; or ``random``, standard normal numbers of the run's own. The one number of two classes is the share of the second:
    0 or 1, smoothed 0.05 or 0.95, or itself standard normal (SLDD, arXiv 1910.02551, section 3.1; its code's later options).
    """
    classes = start_classes(recipe, dataset)
    targets = one_hot(torch.tensor(classes), dataset.classes).to(getattr(torch, recipe.dtype))
    targets = targets.expand(recipe.steps, -1, -1).contiguous()
    if recipe.label_start == "smoothed":
        return targets * (1 - _SMOOTHING) + _SMOOTHING / dataset.classes
    if recipe.label_start == "random":
        seed = seed_tensor([derive(recipe.seed, "distil", recipe.run, "labels")])
        return normal(seed, targets.numel()).view(targets.shape).to(targets.dtype)
    return targets

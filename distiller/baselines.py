"""What a distilled set has to beat: sets of real examples, trained on by the same number of steps at one constant rate."""

from __future__ import annotations

import torch

from distiller.data import Dataset
from distiller.distilled import Distilled
from distiller.losses import one_hot
from distiller.real_sets import real_batches
from distiller.recipe import Recipe

__all__ = ["random_real"]


def random_real(recipe: Recipe, dataset: Dataset, draw: int, rate: float) -> Distilled:
    """Return as many real training examples as the recipe distils, drawn at random within each class.

    They stand in S batches in the order of the recipe's labels, with one-hot labels and the constant ``rate`` at every one of the
    S x epochs steps (Wang et al. 2018, section 4; data are clean, not augmented). ``draw`` numbers independent draws. Raises
    `ValueError` where a class has fewer training examples than are wanted.
    """
    inputs, labels = real_batches(recipe, dataset, "random_real", draw)
    targets = one_hot(labels, dataset.classes).to(inputs.dtype)
    rates = torch.full((recipe.inner_steps,), rate, dtype=inputs.dtype)
    about = (recipe.epochs, dataset.classes, dataset.mean, dataset.std, dataset.name, recipe.network)
    return Distilled(inputs, targets, rates, *about)

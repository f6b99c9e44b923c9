"""What a distilled set has to beat: sets of real examples, trained on by the same number of steps at one constant rate."""

from __future__ import annotations

import torch

from distiller.data import Dataset
from distiller.distilled import Distilled
from distiller.losses import one_hot
from distiller.recipe import Recipe
from distiller.seeds import derive, permutation

__all__ = ["random_real"]


def random_real(recipe: Recipe, dataset: Dataset, draw: int, rate: float) -> Distilled:
    """Return as many real training examples as the recipe distils, drawn at random within each class.

    They stand in S batches in the order of the recipe's labels, with one-hot labels and the constant ``rate`` at every one of the
    S x epochs steps (Wang et al. 2018, section 4; data are clean, not augmented). ``draw`` numbers independent draws. Raises
    `ValueError` where a class has fewer training examples than are wanted.
    """
    classes = list(recipe.classes if recipe.classes is not None else range(dataset.classes))
    wanted = recipe.steps * recipe.per_class
    labels = dataset.train.labels.cpu()
    columns = []
    for label in classes:
        rows = torch.nonzero(labels == label).squeeze(1)
        if len(rows) < wanted:
            raise ValueError(f"class {label} has {len(rows)} training examples; random_real wants {wanted}")
        order = permutation(derive(recipe.seed, "random_real", draw, label), len(rows))
        columns.append(rows[order[:wanted]])
    # [wanted, C], cut into S batches of per_class x C rows: the order of the recipe's own labels.
    rows = torch.stack(columns, dim=1).view(recipe.steps, -1)
    inputs = dataset.train.inputs.cpu()[rows]
    targets = one_hot(labels[rows], dataset.classes).to(inputs.dtype)
    rates = torch.full((recipe.inner_steps,), rate, dtype=inputs.dtype)
    about = (recipe.epochs, dataset.classes, dataset.mean, dataset.std, dataset.name, recipe.network)
    return Distilled(inputs, targets, rates, *about)

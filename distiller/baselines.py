"""What a distilled set has to beat: as many real examples, class means or centroids, trained on at one constant rate.

Wang et al. 2018 (arXiv 1811.10959), section 4, has six baselines, on the examples of three sources: real ones at random, the best
of many random sets, centroids, means, and the nearest neighbours of random examples and of centroids. Data are clean here; the
published figures on CIFAR-10 are on augmented ones.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from distiller.centroids import centroid_batches
from distiller.data import Dataset, Examples
from distiller.distilled import Distilled
from distiller.losses import one_hot
from distiller.objectives import outer_labels
from distiller.real_sets import real_batches, start_classes
from distiller.recipe import Recipe
from distiller.seeds import derive, permutation

__all__ = ["Source", "baseline_examples", "baseline_set", "is_drawn", "judging_examples"]

Source = Literal["random_real", "k_means", "average"]
"""Where examples come from: real ones at random, centroids of each class, the mean of each class."""

_AT_ONCE = 1024  # sentences that are looked up at once


def is_drawn(source: Source, recipe: Recipe) -> bool:
    """Say whether draws of ``source`` differ: means do not, nor does a single centroid of a class, which is its mean."""
    return source == "random_real" or (source == "k_means" and recipe.steps * recipe.per_class > 1)


def baseline_examples(source: Source, recipe: Recipe, dataset: Dataset, draw: int) -> tuple[Tensor, Tensor]:
    """Return S batches of a source's examples: inputs [S, M, *shape] and the class numbers that they count as, int64 [S, M].

    Each batch is in the order of the recipe's labels; ``draw`` numbers independent draws. Examples count as what the objective
    wants: in an attack, those of the attacked class as its target. Raises `RealSetError` where a class has fewer than are
    wanted.
    """
    if source == "random_real":
        inputs, labels = real_batches(recipe, dataset, source, draw)
    elif source == "k_means":
        inputs, labels = centroid_batches(recipe, dataset, source, draw)
    else:
        inputs, labels = _averages(recipe, dataset)
    return inputs, outer_labels(recipe, labels)


def baseline_set(recipe: Recipe, dataset: Dataset, examples: tuple[Tensor, Tensor], rate: float | None) -> Distilled:
    """Return ``examples`` of `baseline_examples` as a set with one-hot labels and one ``rate`` at each of its S x E steps.

    Without a rate it has none, as the set of a recipe that learns labels alone: another training has to be named.
    """
    inputs, labels = examples
    targets = one_hot(labels, dataset.classes).to(inputs.dtype)
    rates = torch.full((recipe.inner_steps if rate is not None else 0,), rate or 0.0, dtype=inputs.dtype)
    return Distilled.of(recipe, dataset, inputs, targets, rates)


def judging_examples(recipe: Recipe, dataset: Dataset) -> Examples:
    """Return the training examples that random sets are judged on: one real batch, the same for all sets (Wang et al.'s code)."""
    rows = permutation(derive(recipe.seed, "judge", "examples"), len(dataset.train))[: recipe.batch]
    rows = rows.to(dataset.train.labels.device)
    return Examples(dataset.train.inputs[rows], dataset.train.labels[rows])


def _averages(recipe: Recipe, dataset: Dataset) -> tuple[Tensor, Tensor]:
    """Return each class's mean in every place of the class; a mean of one example is a mean too."""
    labels = torch.tensor(start_classes(recipe, dataset))
    means = {label: _mean(dataset, label) for label in set(labels.tolist())}
    inputs = torch.stack([means[label] for label in labels.tolist()]).to(dataset.dtype).cpu()
    return inputs.expand(recipe.steps, *inputs.shape).clone(), labels.expand(recipe.steps, -1).clone()


def _mean(dataset: Dataset, label: int) -> Tensor:
    """Return the mean of a class's training examples, float64 [*shape]; sentences are looked up some at a time."""
    inputs = dataset.train.inputs[dataset.train.labels == label]
    if dataset.words is None:
        return inputs.double().mean(0)
    sums = [dataset.embedded(part).double().sum(0) for part in torch.split(inputs, _AT_ONCE)]
    return torch.stack(sums).sum(0) / len(inputs)

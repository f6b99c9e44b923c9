"""Centroids of each class in the shape and the order of a distilled set."""

from __future__ import annotations

import torch
from torch import Tensor

from distiller.data import Dataset
from distiller.real_sets import RealSetError, start_classes
from distiller.recipe import Recipe
from distiller.seeds import derive

__all__ = ["centroid_batches"]


def centroid_batches(recipe: Recipe, dataset: Dataset, *key: int | str) -> tuple[Tensor, Tensor]:
    """Cluster each class's training examples by k-means: inputs [S, M, *shape] and labels int64 [S, M], on the CPU.

    A class has as many centroids as the set has examples of it, no two the same place; ``key`` names the draw of their seeds.
    Raises `RealSetError` where a class has fewer examples than centroids are wanted.
    """
    labels = torch.tensor(start_classes(recipe, dataset)).expand(recipe.steps, -1).contiguous()
    inputs = torch.empty(*labels.shape, *dataset.shape, dtype=dataset.dtype)
    for label in set(start_classes(recipe, dataset)):
        examples = dataset.embedded(dataset.train.inputs[dataset.train.labels == label]).cpu()
        wanted = int((labels == label).sum())
        if len(examples) < wanted:
            raise RealSetError(
                f"class {label} has {len(examples)} training examples; {wanted} are wanted: lower steps or per_class"
            )
        inputs[labels == label] = _centroids(examples, wanted, derive(recipe.seed, *key, label))
    return inputs, labels


def _centroids(examples: Tensor, count: int, seed: int) -> Tensor:
    """Return ``count`` centroids of ``examples`` [n, *shape]: k-means++ seeding, then Lloyd until nothing moves."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    # One thread, for sums of several round otherwise; scikit-learn takes seeds of 32 bits.
    with threadpool_limits(1):
        found = KMeans(count, n_init=1, tol=0.0, random_state=seed % 2**32).fit(examples.flatten(1).numpy())
    return torch.from_numpy(found.cluster_centers_).to(examples.dtype).view(count, *examples.shape[1:])

"""A stratified cut by a fixed key: the same rows whatever the sweep's seed, and more rows contain fewer."""

from __future__ import annotations

import torch
from torch import Tensor

from distiller.seeds import derive, permutation

__all__ = ["largest_cut", "stratified_cut"]


def stratified_cut(labels: Tensor, count: int, *key: str) -> tuple[Tensor, Tensor]:
    """Cut exactly ``count`` rows, spread over the classes as ``labels`` int64 [N] are; return (rows left, rows cut), sorted.

    The j-th of a class's n rows, in the random order that ``key`` and the class name, has the share (j - 1/2) / n, and the
    smallest shares are cut: a class loses n t rows, rounded to the nearest, with one t for all classes (Sainte-Laguë's rule for
    seats). A larger cut contains a smaller one. The last row of a class is never cut: ``count`` is at most `largest_cut`.
    """
    share = torch.empty(len(labels), dtype=torch.float64)
    for label in _classes(labels).tolist():
        rows = (labels == label).nonzero()[:, 0]
        order = permutation(derive(*key, label), len(rows))
        share[rows[order]] = (torch.arange(len(rows), dtype=torch.float64) + 0.5) / len(rows)
        share[rows[order[-1]]] = torch.inf
    ranked = share.argsort(stable=True)
    return ranked[count:].sort().values, ranked[:count].sort().values


def largest_cut(labels: Tensor) -> int:
    """Return how many rows can be cut at most, so that a row of every class is left."""
    return len(labels) - len(_classes(labels))


def _classes(labels: Tensor) -> Tensor:
    return labels.bincount().nonzero()[:, 0]

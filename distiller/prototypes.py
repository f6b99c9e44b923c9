"""Soft-label prototypes for nearest neighbours: more classes than points.

A point x is classified by the labels of its k nearest prototypes, each weighted by the inverse of its distance (SLaPkNN in
Sucholutsky and Schonlau 2021, "Less than one"-shot learning, arXiv 2009.08449):

    s(x) = sum_i q_i / |x - p_i|,    class(x) = argmax_c s_c(x)

With one-hot labels this is scikit-learn's distance-weighted neighbours, and M prototypes name at most M classes. With soft labels
q_i two are enough for any number of classes along the line through them: there s is proportional to (1 - t) q_1 + t q_2, and of
several lines in t another one is the largest on each interval. Prototypes and labels are learned by gradient descent, as in
distillation.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from distiller.seeds import derive

__all__ = ["Prototypes", "learn", "start"]

_NEAREST = 1e-12
"""Distances are at least this, so that a prototype itself has its own label and no division is by zero."""


@dataclass(frozen=True, eq=False)
class Prototypes:
    """M points [M, D] and their labels [M, C], real numbers that need not sum to one; in one dtype."""

    points: Tensor
    labels: Tensor

    def scores(self, inputs: Tensor, k: int | None = None) -> Tensor:
        """Return the weighted mean of the ``k`` nearest labels (left out: of all) for ``inputs`` [N, D]: [N, C].

        It is s(x) over the sum of the weights, which leaves the order of the classes as it is. Raises `ValueError` where there
        are not k prototypes.
        """
        count = len(self.points)
        if k is not None and not 1 <= k <= count:
            raise ValueError(f"k is {k}; expected 1 to {count}, the number of prototypes")
        distances = torch.cdist(inputs, self.points, compute_mode="donot_use_mm_for_euclid_dist")
        nearest, index = distances.topk(k or count, largest=False)
        # In the logarithm, for the weights beside a point that is a prototype differ by many orders of magnitude.
        weights = torch.softmax(-nearest.clamp_min(_NEAREST).log(), dim=1)
        return (weights[..., None] * self.labels[index]).sum(1)

    def classify(self, inputs: Tensor, k: int | None = None) -> Tensor:
        """Return the classes of ``inputs`` [N, D], int64 [N]."""
        return self.scores(inputs, k).argmax(1)

    def accuracy(self, inputs: Tensor, classes: Tensor, k: int | None = None) -> float:
        """Return the fraction of ``inputs`` that are put into their ``classes`` [N]."""
        return (self.classify(inputs, k) == classes).double().mean().item()


def start(inputs: Tensor, classes: Tensor, count: int, seed: int = 1) -> Prototypes:
    """Return ``count`` prototypes to learn from: centres of k-means on ``inputs`` [N, D], labelled by their classes' shares."""
    from sklearn.cluster import KMeans

    means = KMeans(count, n_init=10, random_state=derive("prototypes", seed) % 2**32).fit(inputs.numpy())
    members = torch.as_tensor(means.labels_, dtype=torch.int64)
    one_hot = F.one_hot(classes).to(inputs.dtype)
    labels = torch.stack([one_hot[members == number].mean(0) for number in range(count)])
    return Prototypes(torch.as_tensor(means.cluster_centers_, dtype=inputs.dtype), labels)


def learn(prototypes: Prototypes, inputs: Tensor, classes: Tensor, steps: int = 500, lr: float = 0.05) -> Prototypes:
    """Return the prototypes after ``steps`` of Adam on the cross-entropy of all ``inputs`` [N, D], by points and labels.

    The scores are taken as logits, so how large the labels grow is how sure the classes are.
    """
    points, labels = (values.clone().requires_grad_() for values in (prototypes.points, prototypes.labels))
    optimiser = torch.optim.Adam([points, labels], lr=lr)
    for _ in range(steps):
        optimiser.zero_grad()
        F.cross_entropy(Prototypes(points, labels).scores(inputs), classes).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return Prototypes(points.detach(), labels.detach())

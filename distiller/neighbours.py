"""Nearest neighbours: what a set's examples are worth with no network at all."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from distiller.data import Examples

__all__ = ["neighbours_accuracy"]


_AT_ONCE = 1024
"""Sentences that are looked up at once."""


def neighbours_accuracy(
    inputs: Tensor,
    labels: Tensor,
    examples: Examples,
    k: int,
    p: float,
    embedded: Callable[[Tensor], Tensor] = lambda inputs: inputs,
) -> float:
    """Return the accuracy (0 .. 1) on ``examples`` of a majority vote of the ``k`` nearest of ``inputs`` by the p-norm.

    ``inputs`` [..., *shape] count as the classes ``labels`` [...]; of classes with as many votes the smallest wins. Sentences go
    through ``embedded``, and are compared place by place. Raises `ValueError` where there are fewer than ``k``.
    """
    import numpy as np
    from sklearn.neighbors import KNeighborsClassifier
    from threadpoolctl import threadpool_limits

    dimensions = embedded(examples.inputs[:1]).numel()
    # One thread, as for all that has to repeat its bits.
    with threadpool_limits(1):
        voters = KNeighborsClassifier(k, p=p, algorithm="brute")
        voters.fit(inputs.reshape(-1, dimensions).numpy(), labels.flatten().numpy())
        parts = torch.split(examples.inputs, len(examples) if examples.inputs.is_floating_point() else _AT_ONCE)
        chosen = np.concatenate([voters.predict(embedded(part).cpu().flatten(1).numpy()) for part in parts])
    return float((chosen == examples.labels.cpu().numpy()).mean())

"""Nearest neighbours: what a set's examples are worth with no network at all."""

from __future__ import annotations

from torch import Tensor

from distiller.data import Examples

__all__ = ["neighbours_accuracy"]


def neighbours_accuracy(inputs: Tensor, labels: Tensor, examples: Examples, k: int, p: float) -> float:
    """Return the accuracy (0 .. 1) on ``examples`` of a majority vote of the ``k`` nearest of ``inputs`` by the p-norm.

    ``inputs`` [..., *shape] count as the classes ``labels`` [...]; of classes with as many votes the smallest wins. Raises
    `ValueError` where there are fewer than ``k``.
    """
    from sklearn.neighbors import KNeighborsClassifier
    from threadpoolctl import threadpool_limits

    dimensions = examples.inputs[0].numel()
    # One thread, as for all that has to repeat its bits.
    with threadpool_limits(1):
        voters = KNeighborsClassifier(k, p=p, algorithm="brute")
        voters.fit(inputs.reshape(-1, dimensions).numpy(), labels.flatten().numpy())
        chosen = voters.predict(examples.inputs.cpu().flatten(1).numpy())
    return float((chosen == examples.labels.cpu().numpy()).mean())

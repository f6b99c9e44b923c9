"""What trained networks shall do with real examples: know their classes, or, in an attack, take one class for another.

An objective decides the labels of the outer loss, and with them what accuracy means (Wang et al. 2018, arXiv 1811.10959, sections
4.3 and 4.4). The basic one has the true labels, and so has adaptation, whose networks come pre-trained on other data. An attack
has the target's label on every example of the attacked class; the distilled labels enumerate all classes all the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from distiller.data import Dataset, Examples
from distiller.losses import predicted
from distiller.networks import Parameters, Stack
from distiller.recipe import Recipe, RecipeError

__all__ = ["AttackFigures", "attack_figures", "check_attack", "outer_labels"]


@dataclass(frozen=True)
class AttackFigures:
    """What one network does with real examples of all classes, by their true labels; shares of examples, 0 .. 1.

    A class without examples has not a number.
    """

    overall_accuracy: float
    class_accuracies: tuple[float, ...]
    attack_share: float
    """Of the attacked class, the share that is taken for the target."""


def outer_labels(recipe: Recipe, labels: Tensor) -> Tensor:
    """Return the labels that the objective wants for real examples of true ``labels`` [n]."""
    if recipe.attack is None:
        return labels
    return torch.where(labels == recipe.attack.class_, recipe.attack.target, labels)


def attack_figures(
    recipe: Recipe, dataset: Dataset, stack: Stack, parameters: Parameters, examples: Examples
) -> list[AttackFigures] | None:
    """Return what each of K networks does with ``examples``; `None` where the objective is no attack."""
    if recipe.attack is None:
        return None
    counts = _confusion(stack, parameters, examples, dataset.classes, recipe.real_chunk or len(examples)).double()
    overall = counts.diagonal(dim1=1, dim2=2).sum(1) / counts.sum((1, 2))
    shares = counts / counts.sum(2, keepdim=True)
    right, taken = shares.diagonal(dim1=1, dim2=2), shares[:, recipe.attack.class_, recipe.attack.target]
    return [
        AttackFigures(accuracy, tuple(by_class), share)
        for accuracy, by_class, share in zip(overall.tolist(), right.tolist(), taken.tolist(), strict=True)
    ]


def check_attack(recipe: Recipe, data: str, classes: int) -> None:
    """Raise `RecipeError` where the attack names a class that ``data`` of so many ``classes`` does not have."""
    if recipe.attack is None:
        return
    for key, label in (("class", recipe.attack.class_), ("target", recipe.attack.target)):
        if label >= classes:
            reason = f"{label} is no class of {data}, whose classes are 0 to {classes - 1}"
            raise RecipeError(("objective", "attack", key), reason)


def _confusion(stack: Stack, parameters: Parameters, examples: Examples, classes: int, real_chunk: int) -> Tensor:
    """Count how many examples of each true class each network takes for each class: int64 [K, true, taken]."""
    counts = torch.zeros(len(parameters[0]), classes * classes, dtype=torch.int64, device=examples.labels.device)
    with torch.no_grad():
        for start in range(0, len(examples), real_chunk):
            labels = examples.labels[start : start + real_chunk]
            logits = stack.logits_of_many(parameters, examples.inputs[start : start + real_chunk])
            taken = predicted(logits, stack.threshold)
            counts.scatter_add_(1, labels * classes + taken, torch.ones_like(taken))
    return counts.view(-1, classes, classes)

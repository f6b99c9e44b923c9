"""The checkpoint of a distillation for fixed networks: what was learned where these are best on the validation examples.

With a fixed initialisation, neighbouring outer steps can differ by points of accuracy, for the unrolled training amplifies small
changes; the last one is then a draw. Validation examples are cut from the training data, so the test split has no say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from distiller.data import Examples
from distiller.networks import Parameters, Stack
from distiller.objectives import outer_labels
from distiller.recipe import Recipe
from distiller.unroll import score, train

__all__ = ["Checkpoint"]


class Checkpoint:
    """The best of a recipe's checkpoints so far; ``best`` holds its learned tensors and its ``accuracy`` [], or nothing."""

    def __init__(self, recipe: Recipe, stack: Stack, networks: Parameters, validation: Examples, classes: int) -> None:
        self.recipe, self.stack, self.networks, self.classes = recipe, stack, networks, classes
        self.validation = Examples(validation.inputs, outer_labels(recipe, validation.labels))
        self.best: Mapping[str, Tensor] = {}

    def measure(self, outer_step: int, learned: Mapping[str, Tensor], rates: Tensor) -> float:
        """Return the accuracy after ``outer_step`` outer steps, not a number where this is none to be measured.

        Of equal ones the earlier stays the best.
        """
        if outer_step % (self.recipe.checkpoint or 1) != 0 and outer_step != self.recipe.outer_steps:
            return math.nan
        accuracy = self._accuracy(learned["inputs"], learned["labels"], rates)
        if not self.best or accuracy > self.best["accuracy"].item():
            copies = {name: tensor.detach().clone() for name, tensor in learned.items()}
            self.best = copies | {"accuracy": torch.tensor(accuracy, dtype=torch.float64)}
        return accuracy

    def _accuracy(self, inputs: Tensor, labels: Tensor, rates: Tensor) -> float:
        batches = ((inputs[t % len(inputs)], labels[t % len(inputs)], rate) for t, rate in enumerate(rates))
        trained = train(self.stack, self.networks, batches)
        chunk = self.recipe.real_chunk or len(self.validation)
        reached = score(
            self.stack,
            trained,
            self.validation.inputs,
            self.validation.labels,
            classes=self.classes,
            real_chunk=chunk,
        )
        return reached.accuracy.mean().item()

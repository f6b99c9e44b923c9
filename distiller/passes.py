"""The real batch of each outer step, pass by pass over the real data."""

from __future__ import annotations

import math

from torch import Tensor

from distiller.data import Examples
from distiller.objectives import outer_labels
from distiller.recipe import Recipe
from distiller.seeds import derive, permutation

__all__ = ["Passes"]


class Passes:
    """The real batch of each outer step: passes over fresh permutations, keyed by the pass; the last batch of one is shorter.

    Its labels are those that the recipe's objective wants.
    """

    def __init__(self, recipe: Recipe, real: Examples) -> None:
        self.recipe, self.real = recipe, Examples(real.inputs, outer_labels(recipe, real.labels))
        self.per_pass = math.ceil(len(real) / recipe.batch)
        self.order: tuple[int, Tensor] | None = None

    def at(self, outer_step: int) -> Examples:
        number, index = divmod(outer_step, self.per_pass)
        if self.order is None or self.order[0] != number:
            key = derive(self.recipe.seed, "distil", self.recipe.run, "real", number)
            self.order = number, permutation(key, len(self.real)).to(self.real.labels.device)
        rows = self.order[1][index * self.recipe.batch : (index + 1) * self.recipe.batch]
        return Examples(self.real.inputs[rows], self.real.labels[rows])

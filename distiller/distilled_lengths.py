"""Distilled sentences of several lengths in one batch: what lies beyond a sentence's own length is padding, and stays so."""

from __future__ import annotations

import torch
from torch import Tensor

from distiller.data import Dataset
from distiller.real_sets import start_classes
from distiller.recipe import Recipe, RecipeError

__all__ = ["check_lengths", "cut_to_lengths", "words_of"]


def check_lengths(recipe: Recipe, shape: tuple[int, ...]) -> None:
    """Raise `RecipeError` where a distilled sentence is to be longer than examples of ``shape`` (words, numbers of a vector)."""
    lengths = recipe.text.lengths if recipe.text is not None else None
    if lengths is not None and max(lengths) > shape[0]:
        raise RecipeError(
            ("text", "lengths"), f"{max(lengths)} words are more than a sentence's {shape[0]}; raise text.length"
        )


def cut_to_lengths(recipe: Recipe, dataset: Dataset, inputs: Tensor) -> Tensor:
    """Return ``inputs`` [S, M, L, D] with zeros beyond the lengths that the recipe names; as they are where it names none.

    The sentences of a class have these lengths in turn, over all batches. Raises what `check_lengths` raises.
    """
    lengths = recipe.text.lengths if recipe.text is not None else None
    if lengths is None:
        return inputs
    check_lengths(recipe, dataset.shape)
    classes = len(start_classes(recipe, dataset)) // recipe.per_class
    number = torch.arange(inputs.shape[0] * inputs.shape[1]).view(inputs.shape[:2]) // classes
    own = torch.tensor(lengths)[number % len(lengths)]
    return inputs * (torch.arange(inputs.shape[2]) < own[..., None])[..., None]


def words_of(recipe: Recipe, inputs: Tensor) -> Tensor | None:
    """Return where distilled sentences hold words, [S, M, L, 1], for recipes that name lengths; else `None`."""
    if recipe.text is None or recipe.text.lengths is None:
        return None
    return (inputs != 0).any(-1, keepdim=True)

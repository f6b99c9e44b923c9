"""Train K networks on a whole data set, before a distilled set trains them further, or to see what all of the data gives.

Adam with the betas 0.5 and 0.999 of Wang et al.'s code (2018), whose own pre-training of MNIST's LeNets has rate 0.0002 and 40
passes, halved after 20. Each network sees the examples in orders of its own, a fresh one a pass, and the last batch of a pass may
be shorter. All of it is keyed by the network's seed, so that a network is a function of (pre-training, seed), trained alone or
among others; networks of different seeds share nothing but the data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from distiller.data import Dataset, Examples
from distiller.drawing import draw_untrained, stack_of
from distiller.losses import cross_entropy, one_hot
from distiller.networks import Parameters, Stack
from distiller.recipe import Pretrained, Recipe
from distiller.seeds import derive, permutation

__all__ = ["held_out", "networks_at_once", "pretrain", "train_on"]


def pretrain(recipe: Recipe, source: Dataset, seeds: Sequence[int]) -> Parameters:
    """Draw one network for each of K ``seeds`` and train it on the training part of ``source``, as ``recipe.pretrained`` says.

    ``source`` is the data set that `held_out` says how to load, on the recipe's device and in its dtype. Raises `ValueError` for
    a recipe whose networks are not pre-trained.
    """
    how, settled = recipe.pretrained, recipe.settled()
    if how is None:
        raise ValueError("the recipe's networks are not pre-trained")
    # On a GPU all networks have to be computed at once to keep it busy, which only vmap does for inputs of their own.
    stack = stack_of(settled if settled.device == "cpu" else dataclasses.replace(settled, backend="vmap"), source)
    drawn = draw_untrained(settled, stack, seeds, source.train.inputs.device)
    return train_on(stack, drawn, source.train, source.classes, how, seeds, settled.real_chunk or how.batch)


def train_on(
    stack: Stack,
    parameters: Parameters,
    examples: Examples,
    classes: int,
    how: Pretrained,
    seeds: Sequence[int],
    real_chunk: int,
) -> Parameters:
    """Return K networks, [K, ...] each, trained on ``examples``, ``real_chunk`` of a batch at once; ``parameters`` stay."""
    # Adam works element by element: K stacked networks are K independent ones.
    leaves = [p.detach().clone() for p in parameters]
    adam = torch.optim.Adam(leaves, lr=how.lr, betas=(0.5, 0.999))
    targets = one_hot(examples.labels, classes).to(parameters[0].dtype)
    for number in range(how.passes):
        for group in adam.param_groups:
            group["lr"] = how.lr if how.decay is None else how.lr * how.decay.factor ** (number // how.decay.every)
        for rows in _batches(examples, how.batch, seeds, number):
            gradient = _gradient(stack, tuple(leaves), examples.inputs, targets, rows, real_chunk)
            for leaf, derivative in zip(leaves, gradient, strict=True):
                leaf.grad = derivative
            adam.step()
    return tuple(leaf.detach() for leaf in leaves)


def held_out(recipe: Recipe) -> int:
    """Return how many examples of ``recipe.pretrained.data`` its networks do not see: those that the recipe validates on."""
    return recipe.validation if recipe.pretrained is not None and recipe.pretrained.data == recipe.data else 0


def networks_at_once(recipe: Recipe) -> int:
    """Return how many networks one call of `pretrain` does well to train: a CPU gains nothing from more than one."""
    settled = recipe.settled()
    return 1 if settled.device == "cpu" else settled.chunk or 1


def _batches(examples: Examples, batch: int, seeds: Sequence[int], number: int) -> Iterator[Tensor]:
    """Yield rows [K, B] of one pass, the ``number``-th."""
    orders = torch.stack([permutation(derive(seed, "pretrain", number), len(examples)) for seed in seeds])
    yield from torch.split(orders.to(examples.labels.device), batch, dim=1)


def _gradient(
    stack: Stack, parameters: Parameters, inputs: Tensor, targets: Tensor, rows: Tensor, real_chunk: int
) -> Parameters:
    """Return the gradient of each network's mean loss on the examples at its own ``rows`` [K, B]."""
    total: Parameters | None = None
    for some in torch.split(rows, real_chunk, dim=1):
        gradient = stack.gradient_of_each(parameters, inputs[some], targets[some], cross_entropy)
        share = some.shape[1] / rows.shape[1]
        parts = tuple(derivative * share for derivative in gradient)
        total = parts if total is None else tuple(a + b for a, b in zip(total, parts, strict=True))
    assert total is not None  # a batch has an example
    return total

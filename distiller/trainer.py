"""Train K networks on a distilled set in any way that a `Training` names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from distiller.distilled import Distilled
from distiller.losses import cross_entropy
from distiller.networks import Parameters, Stack
from distiller.ridge import train_by_ridge
from distiller.seeds import derive, permutation
from distiller.training import Training, TrainingError
from distiller.unroll import train

__all__ = ["check_training", "train_networks"]

_Batch = tuple[Tensor, Tensor, Tensor | None]
"""Inputs [B, *shape], labels [B, outputs], and the learned rate [] of the step, `None` where the set has none."""


def check_training(distilled: Distilled, training: Training) -> None:
    """Raise `TrainingError` where ``training`` leaves open what only the set's learned rates could say, and it has none."""
    if len(distilled.rates) == 0 and training.optimiser == "learned":
        raise TrainingError("optimiser: the set has no learned rates; name another optimiser and its lr")
    if len(distilled.rates) == 0 and training.steps is None:
        raise TrainingError("steps: the set has no learned rates that would say how many; name a number")
    if training.optimiser != "learned" and training.lr is None:
        raise TrainingError(f"lr: {training.optimiser} has no rate of its own; name one")


def train_networks(
    stack: Stack, parameters: Parameters, distilled: Distilled, training: Training, seeds: Sequence[int]
) -> Parameters:
    """Train K networks, [K, ...] each, on ``distilled`` in the way of ``training``; ``parameters`` stay as they are.

    What is drawn at random is drawn for each network on its own, by its seed of ``seeds``: a network is trained alike alone and
    among others, and the spread over networks has that of the orders in it. Networks that see the same batches are computed
    together. Raises what `check_training` raises; a network that diverges ends in numbers that are not finite.
    """
    check_training(distilled, training)
    if not _is_drawn(distilled, training):
        return _train(stack.keyed(seeds), parameters, distilled, training, 0)
    alone = [tuple(p[k : k + 1] for p in parameters) for k in range(len(seeds))]
    pairs = zip(alone, seeds, strict=True)
    trained = [_train(stack.keyed([seed]), one, distilled, training, seed) for one, seed in pairs]
    return tuple(torch.cat(parts) for parts in zip(*trained, strict=True))


def _is_drawn(distilled: Distilled, training: Training) -> bool:
    """Return whether a network's batches depend on its seed; a batch of all examples, or an order of one batch, does not."""
    if training.batch is not None:
        return training.batch < len(distilled)
    return training.order == "shuffled" and len(distilled.inputs) > 1


def _train(stack: Stack, parameters: Parameters, distilled: Distilled, training: Training, seed: int) -> Parameters:
    batches = _batches(distilled, training, seed)
    if training.optimiser == "learned":
        return train(stack, parameters, ((x, q, rate) for x, q, rate in batches if rate is not None))
    if training.optimiser == "ridge":
        assert training.lr is not None  # check_training has seen to it
        return train_by_ridge(stack, parameters, ((x, q) for x, q, _ in batches), training.lr)
    return _optimise(stack, parameters, batches, training)


def _optimise(stack: Stack, parameters: Parameters, batches: Iterator[_Batch], training: Training) -> Parameters:
    """Train by an optimiser of torch's; it works element by element, so that K stacked networks are K independent ones."""
    leaves = [p.detach().clone().requires_grad_() for p in parameters]
    optimiser = _optimiser(leaves, training)
    for t, (inputs, labels, _) in enumerate(batches):
        with torch.no_grad():
            gradients = stack.at(t).gradient(tuple(leaves), inputs, labels, cross_entropy)
        for leaf, gradient in zip(leaves, gradients, strict=True):
            leaf.grad = gradient
        optimiser.step()
    return tuple(leaf.detach() for leaf in leaves)


def _optimiser(leaves: list[Tensor], training: Training) -> torch.optim.Optimizer:
    assert training.lr is not None  # check_training has seen to it
    if training.optimiser == "adam":
        return torch.optim.Adam(leaves, lr=training.lr)
    return torch.optim.SGD(leaves, lr=training.lr, momentum=0.9 if training.optimiser == "momentum" else 0.0)


def _batches(distilled: Distilled, training: Training, seed: int) -> Iterator[_Batch]:
    """Yield the batch of each step; ``seed`` decides what is drawn."""
    steps = len(distilled.rates) if training.steps is None else training.steps
    drawn = (
        _own_batches(distilled, training, seed) if training.batch is None else _drawn(distilled, training.batch, seed)
    )
    for _, batch in zip(range(steps), drawn, strict=False):
        yield batch


def _own_batches(distilled: Distilled, training: Training, seed: int) -> Iterator[_Batch]:
    """Yield the set's own batches for ever, pass by pass, with the rates of its passes in turn."""
    count, number = len(distilled.inputs), 0
    while True:
        order = _order(seed, number, count) if training.order == "shuffled" else range(count)
        rates = distilled.rates[number % distilled.epochs * count :]
        for s in order:
            yield distilled.inputs[s], distilled.labels[s], rates[s] if len(rates) else None
        number += 1


def _drawn(distilled: Distilled, batch: int, seed: int) -> Iterator[_Batch]:
    """Yield batches of examples for ever, pass by pass, each pass in an order of its own; the last of a pass may be shorter."""
    inputs, labels, number = distilled.inputs.flatten(0, 1), distilled.labels.flatten(0, 1), 0
    while True:
        rows = torch.tensor(_order(seed, number, len(inputs)), device=inputs.device)
        for some in torch.split(rows, batch):
            yield inputs[some], labels[some], None
        number += 1


def _order(seed: int, number: int, length: int) -> list[int]:
    """Return the order of a network's pass; the key is the network's own, so that it meets no other stream."""
    order: list[int] = permutation(derive(seed, "training", number), length).tolist()
    return order

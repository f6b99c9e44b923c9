"""How many operations training a network on a distilled set takes: counted, so that it is the same on every machine."""

from __future__ import annotations

import functools
from itertools import cycle, islice

import torch
from torch.utils.flop_counter import FlopCounterMode

from distiller.distilled import Distilled
from distiller.networks import build

__all__ = ["examples_seen", "training_operations"]

_EXAMPLES = 2  # normalisation by the batch wants more than one


def training_operations(distilled: Distilled, network: str) -> int:
    """Return the multiply-adds of training one ``network`` on the set in the set's own way.

    Counted are those of convolutions and matrix products in the forward and the backward pass of every example that a step sees,
    the gradient of the first layer's inputs left out, since training has no use for it. Not counted are element by element work
    (activations, pooling, normalisation, the loss, the optimiser) and the regressions of `distiller.ridge`. How networks are
    batched, and on which device, has no say.
    """
    example = _operations_of_example(network, tuple(distilled.inputs.shape[2:]), distilled.labels.shape[-1])
    return examples_seen(distilled) * example


def examples_seen(distilled: Distilled) -> int:
    """Return how many examples the steps of training see in all, one that comes up again counted again."""
    training = distilled.training
    steps = len(distilled.rates) if training.steps is None else training.steps
    if training.batch is None:
        return steps * distilled.inputs.shape[1]
    whole, rest = divmod(len(distilled), training.batch)
    pass_ = [training.batch] * whole + ([rest] if rest else [])
    return sum(islice(cycle(pass_), steps))


@functools.lru_cache(maxsize=64)
def _operations_of_example(network: str, shape: tuple[int, ...], outputs: int) -> int:
    """Return the multiply-adds of one example; torch counts an addition and a multiplication as two operations."""
    module = build(network, shape, outputs)
    with torch.enable_grad(), FlopCounterMode(display=False) as counter:
        module(torch.zeros(_EXAMPLES, *shape)).sum().backward()
    return int(counter.get_total_flops()) // (2 * _EXAMPLES)

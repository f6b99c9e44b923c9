"""The pre-trained networks of a recipe: that they fit, training some of them, and having them in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from distiller import network_cache
from distiller.data import Dataset, Examples, describe, load, locate
from distiller.drawing import Networks, draw_networks, draw_untrained, stack_of
from distiller.evaluate import Evaluation
from distiller.network_files import name_of, read_network, write_network
from distiller.networks import NetworkError, Stack, build
from distiller.pretrain import held_out, networks_at_once, pretrain
from distiller.recipe import Recipe
from distiller.unroll import score

__all__ = ["check_pretrained", "measure", "obtain", "source_of", "trained_files"]


def check_pretrained(recipe: Recipe) -> None:
    """Raise `NetworkError` where a network that fits the source data does not have the parameters of one for the recipe's data.

    Their ways to compute may differ: a LeNet of 28 x 28 pixels pads its first convolution, one of 32 x 32 does not, and both
    have the same parameters (Wang et al. 2018 adapt SVHN's LeNets to MNIST in three channels so). Raises `DataError` for source
    data that are absent. Loads nothing.
    """
    if recipe.pretrained is None:
        return
    locate(recipe.pretrained.data)
    ours, theirs = (_parameters(recipe, data) for data in (recipe.data, recipe.pretrained.data))
    for name in ours:
        if ours[name] != theirs.get(name):
            raise NetworkError(
                f"pretrained.data: {recipe.network} for {recipe.pretrained.data} has parameters of other shapes than for "
                f"{recipe.data}: {name} has {_show(theirs.get(name))} and {_show(ours[name])}; take data of the same "
                "channels and classes"
            )


def source_of(recipe: Recipe) -> Dataset:
    """Load the data that the recipe's networks are pre-trained on, on its device and in its dtype.

    Where these are the recipe's own data, its validation examples are left out: they are to judge what comes of it.
    """
    settled = recipe.settled()
    assert settled.pretrained is not None
    dataset = load(settled.pretrained.data, held_out(settled), text=settled.text)
    return dataset.to(settled.device, getattr(torch, settled.dtype))


def trained_files(recipe: Recipe, source: Dataset, seeds: Sequence[int]) -> list[bytes]:
    """Train one network for each seed on ``source``; return each as the bytes of its file."""
    trained = pretrain(recipe, source, seeds)
    names = stack_of(recipe, source).names
    return [write_network(recipe, seed, names, tuple(p[k] for p in trained)) for k, seed in enumerate(seeds)]


def measure(
    recipe: Recipe, dataset: Dataset, seeds: Sequence[int], examples: Examples, networks: Networks
) -> list[Evaluation]:
    """Measure pre-trained networks as they are on ``examples``, in the order of ``seeds``; ``before`` is as they were drawn.

    With pre-training on the recipe's own data this is what all of the data gives.
    """
    settled, device = recipe.settled(), examples.inputs.device
    stack = stack_of(settled, dataset)
    results: list[Evaluation] = []
    for start in range(0, len(seeds), settled.chunk or 1):
        part = list(seeds[start : start + (settled.chunk or 1)])
        limits = {"classes": dataset.classes, "real_chunk": settled.real_chunk or len(examples)}
        drawn = draw_untrained(settled, stack, part, device), draw_networks(settled, stack, part, device, networks)
        before, after = (score(stack, each, examples.inputs, examples.labels, **limits) for each in drawn)
        rows = zip(part, after.accuracy.tolist(), after.loss.tolist(), before.accuracy.tolist(), strict=True)
        results += [Evaluation(*row) for row in rows]
    return results


def obtain(recipe: Recipe, seeds: Sequence[int], say: Callable[[int, int], None] = lambda done, of: None) -> Networks:
    """Return the recipe's pre-trained networks of ``seeds``: from the user's cache, and the others trained here and kept there.

    None where the recipe's networks are not pre-trained. ``say`` is told how many of how many are there after each training.
    """
    if recipe.pretrained is None:
        return {}
    found = {seed: network_cache.cached(recipe, seed) for seed in seeds}
    files = {seed: payload for seed, payload in found.items() if payload is not None}
    missing = [seed for seed in found if seed not in files]
    source = source_of(recipe) if missing else None
    for start in range(0, len(missing), networks_at_once(recipe)):
        part = missing[start : start + networks_at_once(recipe)]
        assert source is not None
        for seed, payload in zip(part, trained_files(recipe, source, part), strict=True):
            network_cache.keep(recipe, seed, payload)
            files[seed] = payload
        say(len(files), len(found))
    return {seed: read_network(files[seed], name_of(recipe, seed)) for seed in found}


def _parameters(recipe: Recipe, data: str) -> dict[str, tuple[int, ...]]:
    described = describe(data, recipe.text)
    stack = Stack(build(recipe.network, described.shape, described.outputs), "loop")
    return dict(zip(stack.names, stack.shapes, strict=True))


def _show(shape: tuple[int, ...] | None) -> str:
    return "nothing" if shape is None else " x ".join(map(str, shape))

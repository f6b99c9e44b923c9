"""Trained networks as files: named by the hash of all that decides their bits, one network a safetensors file.

The same bytes serve a run's folder, the user's cache and a task's argument; several networks in one argument are a bundle.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from distiller.distilled import safetensors_metadata
from distiller.drawing import Networks
from distiller.networks import Parameters
from distiller.own_path import own_path
from distiller.pretrain import held_out
from distiller.recipe import Recipe
from distiller.text import is_glove

__all__ = [
    "NetworkFileError", "bundle", "is_shareable", "name_of", "read_network", "unbundle", "write_network",
]  # fmt: skip

_FORM = 1  # to be counted up when the same key would give another network


class NetworkFileError(ValueError):
    """Bytes that hold no such network, in one line."""


@functools.lru_cache(maxsize=100_000)
def name_of(recipe: Recipe, seed: int) -> str:
    """Return the name of the recipe's pre-trained network of that seed: the SHA-256, in hexadecimal, of what decides its bits."""
    return _digest(_key(recipe, seed))


def is_shareable(recipe: Recipe) -> bool:
    """Return whether the name says it all: an own file of data or of vectors or an own network may change under the same name."""
    own = recipe.text is not None and not is_glove(recipe.text.vectors)
    return (
        recipe.pretrained is not None
        and own_path(recipe.pretrained.data) is None
        and ":" not in recipe.network
        and not own
    )


def write_network(recipe: Recipe, seed: int, names: Sequence[str], parameters: Parameters) -> bytes:
    """Return one network as a safetensors file whose metadata say what it is; ``names`` are those of its parameters."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in zip(names, parameters, strict=True)}
    about = {"key": _key(recipe, seed), "parameters": list(names), "torch": str(torch.__version__)}
    # One entry: safetensors writes several in any order, and the same network is to be the same bytes.
    return save(tensors, {"stillhouse": json.dumps(about)})


def read_network(payload: bytes, name: str) -> Parameters:
    """Return the parameters of a network's file, in their order in the module.

    Raises `NetworkFileError` for damaged bytes, and for another network than that of the ``name``.
    """
    try:
        about = json.loads(safetensors_metadata(payload)["stillhouse"])
        tensors = load(payload)
        parameters = tuple(tensors[each] for each in about["parameters"])
        found = _digest(about["key"])
    except (SafetensorError, AttributeError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise NetworkFileError(f"damaged, or no trained network ({reason})") from error
    if found != name:
        raise NetworkFileError(f"another network than its name says: {found}")
    return parameters


def bundle(networks: Networks) -> bytes:
    """Return trained networks of one kind as bytes that `unbundle` reads; at least one."""
    stacked = [torch.stack(parts) for parts in zip(*networks.values(), strict=True)]
    return save({str(place): tensor for place, tensor in enumerate(stacked)}, {"seeds": json.dumps([*networks])})


def unbundle(payload: bytes | None) -> Networks:
    """Return the networks of a bundle; none for `None`."""
    if payload is None:
        return {}
    tensors, seeds = load(payload), json.loads(safetensors_metadata(payload)["seeds"])
    stacked = [tensors[str(place)] for place in range(len(tensors))]
    return {seed: tuple(tensor[k] for tensor in stacked) for k, seed in enumerate(seeds)}


def _key(recipe: Recipe, seed: int) -> dict[str, Any]:
    """Return what decides the bits of a network, as plain values; how many others are drawn or trained beside it does not."""
    settled = recipe.settled()
    assert settled.pretrained is not None
    how = {key: value for key, value in dataclasses.asdict(settled.pretrained).items() if key != "pool"}
    names = ("network", "init_scheme", "dtype", "device", "backend", "real_chunk", "threads")
    about = {name: getattr(settled, name) for name in names}
    about |= {"text": dataclasses.asdict(settled.text)} if settled.text is not None else {}
    return {"form": _FORM, "pretrained": how, "held_out": held_out(settled), "seed": seed} | about


def _digest(key: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()

"""Adam's memory as plain tensors, so that an optimiser can stop and go on elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

__all__ = ["moments_of", "restore"]


def moments_of(adam: torch.optim.Adam, named: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what ``adam`` remembers of the tensors ``named`` that it moves, on the CPU; names must hold no dot."""
    return {
        f"{name}.{key}": value.detach().cpu().clone()
        for name, tensor in named.items()
        for key, value in adam.state.get(tensor, {}).items()
    }


def restore(adam: torch.optim.Adam, named: Mapping[str, Tensor], moments: Mapping[str, Tensor]) -> None:
    """Give ``adam`` the memory that `moments_of` returned of tensors of the same names."""
    for path, value in moments.items():
        name, key = path.split(".")
        # Adam counts its steps on the CPU and keeps its moments beside their parameter.
        adam.state[named[name]][key] = value.clone() if key == "step" else value.to(named[name].device).clone()

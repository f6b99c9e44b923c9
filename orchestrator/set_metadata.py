"""What a distilled set says besides its tensors, in every file format the same: the JSON of its safetensors header."""

from __future__ import annotations

from collections.abc import Mapping

from safetensors.torch import save
from torch import Tensor

from distiller.distilled import Distilled, DistilledError, safetensors_metadata

__all__ = ["from_metadata", "metadata_of"]

_KEY = "stillhouse"


def metadata_of(distilled: Distilled) -> str:
    """Return all of a set but its tensors, as JSON."""
    return safetensors_metadata(distilled.to_bytes())[_KEY]


def from_metadata(text: str, tensors: Mapping[str, Tensor], digest: str) -> Distilled:
    """Return the set of these ``inputs``, ``labels`` and ``rates``; raises `DistilledError` unless it has that ``digest``."""
    distilled = Distilled.from_bytes(save({name: each.contiguous() for name, each in tensors.items()}, {_KEY: text}))
    if distilled.digest() != digest:
        raise DistilledError("damaged; what it holds is not what its SHA-256 was made of")
    return distilled

"""What a data set is to everything else: normalised tensors in three parts, and the few numbers that describe them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["DataError", "Dataset", "Description", "Examples"]


class DataError(Exception):
    """Data that is absent, damaged or not what was asked for; the message is one line that names it and the cure."""


@dataclass(frozen=True, eq=False)
class Examples:
    """N examples: ``inputs`` [N, *shape] float, normalised, and ``labels`` int64 [N]."""

    inputs: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Examples:
        """Return the examples on ``device``, their inputs in ``dtype`` (left out: as they are); labels stay int64."""
        return Examples(self.inputs.to(device=device, dtype=dtype), self.labels.to(device))


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set, whole and in memory; ``validation`` is cut from the training data, and empty unless asked for.

    An input lives in normalised space: ``(pixel - mean) / std`` by channel, where bytes 0..255 count as 0..1.
    """

    name: str
    classes: int
    shape: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    train: Examples
    validation: Examples
    test: Examples

    @property
    def outputs(self) -> int:
        """Number of logits of a network for these classes: one for two classes, else one a class."""
        return _outputs(self.classes)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Dataset:
        """Return the same data set with all three parts on ``device``, their inputs in ``dtype``."""
        parts = {part: getattr(self, part).to(device, dtype) for part in ("train", "validation", "test")}
        return dataclasses.replace(self, **parts)


@dataclass(frozen=True)
class Description:
    """What a network and a plan need to know of a data set before it is loaded; ``train`` and ``test`` are counts."""

    classes: int
    shape: tuple[int, ...]
    train: int
    test: int

    @property
    def outputs(self) -> int:
        """Number of logits of a network for these classes: one for two classes, else one a class."""
        return _outputs(self.classes)


def _outputs(classes: int) -> int:
    return 1 if classes == 2 else classes

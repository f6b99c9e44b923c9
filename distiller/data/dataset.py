"""What a data set is to everything else: normalised tensors in three parts, and the few numbers that describe them.

Text is held as numbers of words, which networks' stacks look up in the words' vectors a batch at a time.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from distiller.data.words import Words

__all__ = ["DataError", "Dataset", "Description", "Examples"]


class DataError(Exception):
    """Data that is absent, damaged or not what was asked for; the message is one line that names it and the cure."""


@dataclass(frozen=True, eq=False)
class Examples:
    """N examples: ``inputs`` [N, *shape] float, normalised, and ``labels`` int64 [N].

    Sentences have numbers of words, int32 [N, length], as inputs; see `Dataset.embedded`.
    """

    inputs: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Examples:
        """Return the examples on ``device``, their inputs in ``dtype`` (left out: as they are); labels stay int64."""
        kind = dtype if self.inputs.is_floating_point() else None
        return Examples(self.inputs.to(device=device, dtype=kind), self.labels.to(device))


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set, whole and in memory; ``validation`` is cut from the training data, and empty unless asked for.

    An input lives in normalised space: ``(pixel - mean) / std`` by channel, where bytes 0..255 count as 0..1. Where the data are
    text, ``words`` has its words, and ``shape`` is that of an embedded sentence, (length, numbers of a vector).
    """

    name: str
    classes: int
    shape: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    train: Examples
    validation: Examples
    test: Examples
    words: Words | None = None
    names: tuple[str, ...] = ()
    """What the classes are called; empty for numbers alone."""

    @property
    def outputs(self) -> int:
        """Number of logits of a network for these classes: one for two classes, else one a class."""
        return _outputs(self.classes)

    @property
    def dtype(self) -> torch.dtype:
        """The kind of number that networks compute in: that of the inputs, or of the words' vectors."""
        return self.train.inputs.dtype if self.words is None else self.words.vectors.dtype

    def embedded(self, inputs: Tensor) -> Tensor:
        """Return ``inputs`` of examples as networks take them, [..., *shape]: sentences by their words' vectors."""
        return inputs if self.words is None else self.words.embedded(inputs)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Dataset:
        """Return the same data set with all three parts on ``device``, their inputs, or the words' vectors, in ``dtype``."""
        parts = {part: getattr(self, part).to(device, dtype) for part in ("train", "validation", "test")}
        return dataclasses.replace(self, **parts, words=self.words and self.words.to(device, dtype))


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

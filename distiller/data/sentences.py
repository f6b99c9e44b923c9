"""Text as it is read, before it has vectors: lower-cased words and the numbers of classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from distiller.data.dataset import DataError

__all__ = ["Sentences"]


@dataclass(frozen=True, eq=False)
class Sentences:
    """N sentences: ``words`` of each, and ``labels`` int64 [N], numbers of the classes in the order of their names."""

    words: tuple[tuple[str, ...], ...]
    labels: Tensor

    @classmethod
    def of(cls, words: Sequence[Sequence[str]], labels: Sequence[str], classes: Sequence[str]) -> Sentences:
        """Bring lists to one form; raises `DataError` for a label that is none of ``classes``."""
        numbers = {name: number for number, name in enumerate(classes)}
        unknown = next((label for label in labels if label not in numbers), None)
        if unknown is not None:
            raise DataError(f"the label {unknown!r} is none of {', '.join(classes)}")
        return cls(tuple(map(tuple, words)), torch.tensor([numbers[label] for label in labels], dtype=torch.int64))

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, index: Tensor) -> Sentences:
        """Return the sentences at ``index``, an int64 tensor."""
        return Sentences(tuple(self.words[row] for row in index.tolist()), self.labels[index])

"""The words of a data set and their vectors, and sentences as numbers of words."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from distiller.data.dataset import DataError, Examples
from distiller.data.sentences import Sentences
from distiller.data.vectors import locate_vectors, read_vectors
from distiller.text import Text

__all__ = ["PADDING", "UNKNOWN", "Words", "known_words"]

UNKNOWN, PADDING = 0, 1
"""Numbers that stand for a word without a vector and for none, as torchtext's vocabularies have them; their vectors are zeros."""


@dataclass(frozen=True, eq=False)
class Words:
    """The V words of the training text that have a vector, after `UNKNOWN` and `PADDING`; the most frequent come first.

    ``vectors`` [V, D] are constants, outside of every network; those of known words are never all zero, so that a zero vector
    means just the two that are not known. ``text`` has its length filled in.
    """

    text: Text
    words: tuple[str, ...]
    vectors: Tensor
    unknown: float
    """Of the training text's words, cut to the length, the share (0 .. 1) without a vector."""

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Words:
        """Return the same words with their vectors on ``device``, in ``dtype``."""
        return dataclasses.replace(self, vectors=self.vectors.to(device=device, dtype=dtype))

    def embedded(self, numbers: Tensor) -> Tensor:
        """Return the vectors [..., D] of ``numbers`` of words [...]."""
        return F.embedding(numbers, self.vectors)

    def examples(self, sentences: Sentences) -> Examples:
        """Return ``sentences`` as numbers of words, int32 [N, length]: cut, or padded at the right."""
        numbers = {word: number for number, word in enumerate(self.words) if number > PADDING}
        length = self.text.length or 0
        rows = [
            [numbers.get(word, UNKNOWN) for word in words[:length]] + [PADDING] * (length - len(words))
            for words in sentences.words
        ]
        return Examples(torch.tensor(rows, dtype=torch.int32).view(-1, length), sentences.labels)


def known_words(name: str, text: Text, train: Sentences) -> Words:
    """Return the words of the training text ``train`` of the data set ``name``, with their vectors.

    Raises `DataError` for vectors that are absent or damaged, for a length that no training sentence fits in, and where no word
    has a vector.
    """
    from torchtext.vocab import Vocab

    assert text.length is not None
    _check_length(name, text.length, train)
    counts = Counter(word for words in train.words for word in words)
    wanted = Vocab(counts, max_size=text.vocabulary).itos[PADDING + 1 :]
    path = locate_vectors(text.vectors)
    found = read_vectors(path, wanted)
    if not found:
        raise DataError(
            f"{path}: has a vector for none of the {len(wanted):,} words of {name}; name other text.vectors"
        )
    known = [word for word in wanted if word in found]
    rows = torch.tensor([found[word] for word in known], dtype=torch.float32)
    vectors = torch.cat([torch.zeros(PADDING + 1, rows.shape[1]), rows])
    return Words(text, ("<unk>", "<pad>", *known), vectors, _unknown(text.length, train, found))


def _check_length(name: str, length: int, train: Sentences) -> None:
    shortest = min(len(words) for words in train.words)
    if shortest > length:
        raise DataError(
            f"text.length: {length} cuts every sentence of {name}, whose shortest has {shortest} words; name a larger one"
        )


def _unknown(length: int, train: Sentences, found: Collection[str]) -> float:
    lacks = [word not in found for words in train.words for word in words[:length]]
    return sum(lacks) / max(1, len(lacks))

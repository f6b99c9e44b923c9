"""What a distilled set of sentences reads as: the nearest word of every learned vector, and what its labels say.

The nearest word in Euclidean distance is the one of the largest ⟨x, v⟩ - ½ ⟨v, v⟩, so that a product of some learned vectors with
all words' vectors finds it; where rounding could tell words apart wrongly, those in question are compared again in float64.
Sucholutsky and Schonlau 2019 (arXiv 1910.02551, Tables 6 and 7) print distilled sentences so; their code sorts the vocabulary for
each word.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from distiller.data import Dataset
from distiller.data.words import PADDING, Words
from distiller.distilled import Distilled
from distiller.reading import Reading

__all__ = ["nearest_words", "read_out"]

_AT_ONCE = 256
"""Learned vectors that meet all words at once: their scores are 30 MB for 30,000 words."""


def read_out(distilled: Distilled, dataset: Dataset) -> Distilled:
    """Return the set with its nearest words and the names of its classes; as it is where the data are no text."""
    words = dataset.words
    if words is None:
        return distilled
    numbers = nearest_words(distilled.inputs, words)
    sentences = tuple(
        tuple(" ".join(words.words[number] for number in sentence if number != PADDING) for sentence in batch)
        for batch in numbers.tolist()
    )
    names = dataset.names or tuple(map(str, range(dataset.classes)))
    return dataclasses.replace(distilled, reading=Reading(sentences, names))


def nearest_words(inputs: Tensor, words: Words) -> Tensor:
    """Return the number of the known word nearest to each of ``inputs`` [..., D]: int64 [...]; `PADDING` for zeros.

    Of words as near the first, which is the most frequent.
    """
    vectors = words.vectors[PADDING + 1 :].cpu().float()
    flat = inputs.detach().cpu().float().flatten(0, -2)
    half_squares = vectors.double().square().sum(1).float() / 2
    found = torch.cat([_nearest(part, vectors, half_squares) for part in torch.split(flat, _AT_ONCE)]) + PADDING + 1
    return found.masked_fill((flat == 0).all(1), PADDING).view(inputs.shape[:-1])


def _nearest(points: Tensor, vectors: Tensor, half_squares: Tensor) -> Tensor:
    """Return the row of ``vectors`` [V, D] nearest to each of ``points`` [N, D]."""
    scores = torch.addmm(-half_squares, points, vectors.T)
    best = scores.max(1)
    # What rounding can add to a score, by the usual bound on a sum of D products, on either side of a comparison.
    size = points.norm(dim=1) * vectors.norm(dim=1).max() + half_squares.max()
    margin = 4 * vectors.shape[1] * torch.finfo(scores.dtype).eps * size
    rivals = (scores >= (best.values - margin)[:, None]).nonzero()
    chosen, counts = best.indices, rivals[:, 0].bincount(minlength=len(points))
    for row in (counts > 1).nonzero()[:, 0].tolist():
        near = rivals[rivals[:, 0] == row, 1]
        chosen[row] = near[(vectors[near].double() - points[row].double()).square().sum(1).argmin()]
    return chosen

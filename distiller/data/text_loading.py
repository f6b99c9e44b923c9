"""Load text: sentences with a validation part cut, their words, and the vectors of these."""

from __future__ import annotations

import dataclasses

from distiller.data.dataset import Dataset, Description
from distiller.data.sentences import Sentences
from distiller.data.vectors import vector_size
from distiller.data.words import known_words
from distiller.text import Text

__all__ = ["described_text", "text_dataset"]


def described_text(description: Description, text: Text | None) -> Description:
    """Return ``description`` with the shape that sentences have by ``text``; its own shape is (own length, any)."""
    text = text or Text()
    return dataclasses.replace(description, shape=(text.length or description.shape[0], vector_size(text.vectors)))


def text_dataset(
    name: str,
    description: Description,
    names: tuple[str, ...],
    parts: tuple[Sentences, Sentences, Sentences],
    text: Text | None,
) -> Dataset:
    """Return a data set of the sentences of training, validation and test.

    Words are those of the training part alone. Raises `DataError` where vectors are absent or damaged, or the length cuts all.
    """
    train, validation, test = parts
    settled = dataclasses.replace(text or Text(), length=(text and text.length) or description.shape[0])
    words = known_words(name, settled, train)
    assert settled.length is not None
    return Dataset(
        name=name,
        classes=description.classes,
        shape=(settled.length, words.vectors.shape[1]),
        mean=(0.0,),
        std=(1.0,),
        train=words.examples(train),
        validation=words.examples(validation),
        test=words.examples(test),
        words=words,
        names=names,
    )

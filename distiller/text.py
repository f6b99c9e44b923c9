"""How sentences become the inputs of networks: their length, the vectors of their words, what padding counts for.

Needs neither torch nor any other library, as all of a recipe.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Text", "glove_of", "is_glove"]

_GLOVE = re.compile(r"glove\.(?P<name>6B|42B|840B|twitter\.27B)\.(?P<size>\d+)d\Z")


def _count() -> Any:
    return field(default=None, metadata={"least": 1, "above": None})


@dataclass(frozen=True, kw_only=True)
class Text:
    """What a recipe says of text; the defaults are those of every recipe that says nothing."""

    length: int | None = _count()
    """Words of a sentence: longer ones are cut, shorter ones padded at the right. `None` for the data set's own."""
    vectors: str = "glove.6B.100d"
    """The words' vectors: a GloVe by name, or a file in GloVe's text format by its path, as it stands or in a folder of data
    sets."""
    vocabulary: int | None = _count()
    """The most frequent words of the training text that are known; `None` for all of them."""
    mask: bool = True
    """Whether networks pass over padding, and over words of no vector; the published networks read both as zero vectors."""


def glove_of(name: str) -> tuple[str, int] | None:
    """Return which GloVe a name such as ``glove.6B.100d`` means, and the numbers of a vector; `None` for what is no such name."""
    found = _GLOVE.match(name)
    return None if found is None else (found["name"], int(found["size"]))


def is_glove(name: str) -> bool:
    """Say whether ``name`` is that of a GloVe."""
    return glove_of(name) is not None

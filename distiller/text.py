"""How sentences become the inputs of networks: their length, the vectors of their words, what padding counts for.

Needs neither torch nor any other library, as all of a recipe.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
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
    lengths: tuple[int, ...] | None = None
    """Words of distilled sentences: the first of each class has the first of these lengths, and so on in turn, and what lies
    beyond is padding; `None` for sentences that are all of ``length`` words."""

    def plain(self) -> dict[str, Any]:
        """Return all settings as plain values, which `Text.of` reads back."""
        return {**dataclasses.asdict(self), "lengths": None if self.lengths is None else list(self.lengths)}

    @classmethod
    def of(cls, values: Mapping[str, Any] | None) -> Text | None:
        """Read what `plain` gave; `None` for `None`."""
        if values is None:
            return None
        return cls(**{**values, "lengths": None if values["lengths"] is None else tuple(values["lengths"])})


def glove_of(name: str) -> tuple[str, int] | None:
    """Return which GloVe a name such as ``glove.6B.100d`` means, and the numbers of a vector; `None` for what is no such name."""
    found = _GLOVE.match(name)
    return None if found is None else (found["name"], int(found["size"]))


def is_glove(name: str) -> bool:
    """Say whether ``name`` is that of a GloVe."""
    return glove_of(name) is not None

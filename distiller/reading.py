"""A set of sentences in words: what each is nearest to, and what its classes are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Reading", "label_line"]


@dataclass(frozen=True)
class Reading:
    """``sentences`` [S][M], nearest words parted by blanks, and the names of the ``classes`` in the order of their numbers.

    It follows from a set's tensors and its data's words, and has no say in what the set is.
    """

    sentences: tuple[tuple[str, ...], ...]
    classes: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """Return plain values that `of` reads back."""
        return {"sentences": [list(batch) for batch in self.sentences], "classes": list(self.classes)}

    @classmethod
    def of(cls, values: Mapping[str, Any] | None) -> Reading | None:
        """Read what `plain` gave; `None` for `None`."""
        if values is None:
            return None
        return cls(tuple(tuple(batch) for batch in values["sentences"]), tuple(values["classes"]))


def label_line(label: Sequence[float], classes: Sequence[str]) -> str:
    """Return a label in words, as the papers print it: every class with its number, or the one number of two classes.

    That number is the second class's: above one half it stands for this one (Sucholutsky and Schonlau 2019, Table 7).
    """
    if len(label) == 1:
        return f"{classes[int(label[0] > 0.5)]} ({label[0]:.2f})"
    if sorted(label) == [0.0] * (len(label) - 1) + [1.0]:
        return classes[list(label).index(1.0)]
    ranked = sorted(enumerate(label), key=lambda entry: (-entry[1], entry[0]))
    return ", ".join(f"{classes[number]} {value:.2f}" for number, value in ranked)

"""Text data sets through torchtext 0.6: its addresses, its layout on disk and its readers.

Its treebank reader wants nltk for what is one regular expression on these files; that one is written here. Words are lower-cased
and parted at white space alone, as in TDD (Sucholutsky and Schonlau 2019, arXiv 1910.02551, section 4.3).
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from distiller.data.images import silence_ends
from distiller.data.sentences import Sentences

__all__ = ["TorchtextSentences", "tokenised"]

_LEAF = re.compile(r"([^\s()]+)\)")
"""A word of a tree in brackets: what stands before a closing one."""


@dataclass(frozen=True)
class TorchtextSentences:
    """A data set of `torchtext.datasets`; ``classes`` are the labels that its reader gives, in the order of their numbers."""

    class_name: str
    files: tuple[str, ...]
    """What must be there to read it, relative to a root."""
    classes: tuple[str, ...]
    fine_grained: bool = False
    names: tuple[str, ...] = ()
    """What people call the classes, where that is not the label itself."""

    readers: ClassVar[dict[str, str]] = {"IMDB": "_imdb", "TREC": "_trec", "SST": "_sst"}

    @property
    def class_names(self) -> tuple[str, ...]:
        """What people call the classes, in the order of their numbers."""
        return self.names or self.classes

    def read(self, root: Path | None) -> tuple[Sentences, Sentences]:
        """Return the training and the test sentences in ``root``; what torchtext raises goes through."""
        assert root is not None
        parts = getattr(self, self.readers[self.class_name])(root)
        train, test = (Sentences.of(words, labels, self.classes) for words, labels in parts)
        return train, test

    def fetch(self, root: Path) -> None:
        """Download into ``root`` by torchtext; what it raises goes through.

        Everything lands in a temporary folder first, which is then renamed into place.
        """
        root.mkdir(parents=True, exist_ok=True)
        kind = self._class()
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=root) as temporary, silence_ends():
            kind.download(temporary)
            os.replace(Path(temporary) / kind.name, root / kind.name)

    def _class(self) -> Any:
        import torchtext.datasets

        return getattr(torchtext.datasets, self.class_name)

    def _imdb(self, root: Path) -> list[tuple[list[list[str]], list[str]]]:
        # Its reader takes files in whatever order the file system has them.
        return [_parted(sorted(part, key=lambda read: (read[1], read[0]))) for part in self._examples(root)]

    def _trec(self, root: Path) -> list[tuple[list[list[str]], list[str]]]:
        return [_parted(part) for part in self._examples(root, fine_grained=self.fine_grained)]

    def _sst(self, root: Path) -> list[tuple[list[list[str]], list[str]]]:
        parts = []
        for name in ("train", "test"):
            with open(root / "sst" / "trees" / f"{name}.txt", encoding="utf-8") as file:
                trees = [line for line in file if line.strip()]
            parts.append(([[word.lower() for word in _LEAF.findall(tree)] for tree in trees], [t[1] for t in trees]))
        return parts

    def _examples(self, root: Path, **arguments: Any) -> list[list[tuple[list[str], str]]]:
        from torchtext.data import Field

        fields = Field(lower=True), Field(sequential=False)
        # Given an archive's folder there, torchtext downloads nothing.
        parts = self._class().splits(*fields, root=str(root), **arguments)
        return [[(example.text, example.label) for example in part.examples] for part in parts]


def tokenised(text: str) -> list[str]:
    """Return the words of ``text``, lower-cased and parted at white space, as torchtext's fields part it."""
    from torchtext.data import Field

    words: list[str] = Field(lower=True).preprocess(text)
    return words


def _parted(read: Sequence[tuple[list[str], str]]) -> tuple[list[list[str]], list[str]]:
    return [words for words, _ in read], [label for _, label in read]

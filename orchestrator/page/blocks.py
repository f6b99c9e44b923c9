"""What a page is made of: sections of tables, plots, pictures and lines; texts are escaped where they are shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

__all__ = ["Block", "Gallery", "Picture", "Plotted", "Section", "Sheet", "Source", "Table"]


_NARROW = 36  # letters in all columns of a table that stands beside a plot
_LONG = 18  # letters of a word that is broken over lines


@dataclass(frozen=True)
class Source:
    """The question of docs/questions.md that gives the figures, and its SQL."""

    title: str
    sql: str


@dataclass(frozen=True)
class Table:
    """Rows of cells as they are shown; the first ``words`` columns, and those of ``texts``, hold words, all others figures."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    source: Source | None = None
    title: str = ""
    words: int = 1
    texts: frozenset[str] = frozenset()
    note: str = ""
    folded: bool = False

    @property
    def is_wide(self) -> bool:
        """Whether it takes the whole width, and not a column beside a plot."""
        widths = [max(map(len, column)) for column in zip(self.headers, *self.rows, strict=True)]
        return self.folded or sum(widths) > _NARROW or any(self.is_long(c) for c in range(len(widths)))

    def is_long(self, column: int) -> bool:
        """Say whether a column of words has some that are broken over lines."""
        return self.is_text(column) and any(len(row[column]) > _LONG for row in self.rows)

    def trimmed(self) -> Table:
        """Return the table without the columns in which nothing is known."""
        kept = [c for c in range(len(self.headers)) if any(row[c] != "-" for row in self.rows)]
        rows = [[row[c] for c in kept] for row in self.rows]
        return dataclasses.replace(self, headers=[self.headers[c] for c in kept], rows=rows)

    def is_text(self, column: int) -> bool:
        """Say whether a column holds words, which are set to the left."""
        return column < self.words or self.headers[column] in self.texts


@dataclass(frozen=True)
class Plotted:
    """A drawing with what it shows, and the meaning of its marks: (class, words) each."""

    drawing: Markup
    caption: str
    source: Source | None = None
    key: Sequence[tuple[str, str]] = ()
    is_asked: bool = True
    """Whether its SQL is shown: not where the plot before has the same."""


@dataclass(frozen=True)
class Picture:
    """A distilled image: its pixels as a data URI, what a screen reader says, and its leading labels."""

    source: str
    about: str
    labels: Sequence[str]


@dataclass(frozen=True)
class Sheet:
    """The images of one step."""

    title: str
    pictures: Sequence[Picture]
    columns: int


@dataclass(frozen=True)
class Gallery:
    """Images step by step; ``note`` says what is left out."""

    sheets: Sequence[Sheet]
    source: Source | None = None
    note: str = ""


Block = Table | Plotted | Gallery


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading. ``name`` is its anchor; plots in a row stand side by side where there is room."""

    name: str
    title: str
    lines: Sequence[str] = ()
    blocks: Sequence[Block] = field(default_factory=tuple)

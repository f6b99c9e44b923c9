"""A user's own text: a CSV, TSV or Parquet file with the columns ``text`` and ``label``.

A column ``split``, where there is one, says ``train`` or ``test`` of every row; where there is none, a fifth of each class is cut
for testing, by a fixed key. Labels are names, numbered in the order of the alphabet, or whole numbers from 0 up without a gap.
"""

from __future__ import annotations

import csv
import importlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distiller.data.dataset import DataError, Description
from distiller.data.sentences import Sentences
from distiller.data.split import stratified_cut
from distiller.data.torchtext_sentences import tokenised

__all__ = ["SUFFIXES", "OwnText", "read_own_text"]

SUFFIXES = (".csv", ".tsv", ".parquet")
_TEST_SHARE = 5
"""One sentence of so many is for testing where no column says which."""


@dataclass(frozen=True, eq=False)
class OwnText:
    """What a file holds: the shape of ``description`` has the length of the longest training sentence."""

    description: Description
    names: tuple[str, ...]
    """What the classes are called; empty for numbers alone."""
    train: Sentences
    test: Sentences


@dataclass(frozen=True)
class _Row:
    """A row of the file, by its number from 1."""

    number: int
    words: tuple[str, ...]
    label: str
    split: str


def read_own_text(path: Path) -> OwnText:
    """Read the file whole; raises `DataError` for what is wrong, naming the row."""
    rows = [_row(path, number, values) for number, values in enumerate(_values(path), 1)]
    if not rows:
        raise DataError(f"{path}: holds no row; expected the columns text and label, and a sentence a row")
    classes, are_numbers = _classes(path, [row.label for row in rows])
    train, test = _parts(path, rows, classes)
    length = max(len(words) for words in train.words)
    description = Description(len(classes), (length, 0), train=len(train), test=len(test))
    return OwnText(description, () if are_numbers else classes, train, test)


def _values(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix.lower() == ".parquet":
        yield from _parquet_rows(path)
        return
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            reader = csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", strict=True)
            _check_columns(path, reader.fieldnames or [])
            yield from reader
        except (csv.Error, UnicodeDecodeError) as error:
            raise DataError(f"{path}: cannot be read as {path.suffix[1:].upper()}: {error}") from error


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a Parquet file, the one place where the distiller reads any; pyarrow is found at run time alone."""
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise DataError(f"{path}: needs pyarrow, which is not installed; give the text as CSV or TSV") from error
    try:
        table = parquet.read_table(path)
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise DataError(f"{path}: cannot be read as Parquet: {' '.join(str(error).split())}") from error
    _check_columns(path, table.column_names)
    yield from table.select([name for name in ("text", "label", "split") if name in table.column_names]).to_pylist()


def _check_columns(path: Path, names: Sequence[str]) -> None:
    missing = [name for name in ("text", "label") if name not in names]
    if missing:
        raise DataError(
            f"{path}: has no column {missing[0]} but {', '.join(names)}; expected text and label, and perhaps split"
        )


def _row(path: Path, number: int, values: dict[str, Any]) -> _Row:
    text, label, split = (values.get(name) for name in ("text", "label", "split"))
    if None in values or any(value is None for value in values.values()):
        raise DataError(
            f"{path}: row {number} has more or fewer columns than the first, or an empty one: mend it, or take it out"
        )
    words = tuple(tokenised(str(text)))
    if not words:
        raise DataError(f"{path}: row {number} has an empty text; take it out")
    if str(label).strip() == "":
        raise DataError(f"{path}: row {number} has no label; take it out")
    if "split" in values and split not in ("train", "test"):
        raise DataError(f"{path}: row {number} has the split {split!r}; expected train or test")
    return _Row(number, words, str(label).strip(), str(split or ""))


def _classes(path: Path, labels: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """Return the classes in the order of their numbers, and whether they are called by these."""
    found = set(labels)
    if len(found) < 2:
        raise DataError(f"{path}: has one class alone, {next(iter(found))}; expected two or more")
    if not all(label.isdecimal() for label in found):
        return tuple(sorted(found)), False
    expected = tuple(map(str, range(len(found))))
    gap = next((label for label in expected if label not in found), None)
    if gap is not None:
        largest = max(map(int, found))
        raise DataError(f"{path}: labels go up to {largest} and none is {gap}; number the classes from 0 without a gap")
    return expected, True


def _parts(path: Path, rows: Sequence[_Row], classes: Sequence[str]) -> tuple[Sentences, Sentences]:
    everything = Sentences.of([row.words for row in rows], [row.label for row in rows], classes)
    if rows[0].split:
        parts = [[row for row in rows if row.split == name] for name in ("train", "test")]
        for name, part in zip(("train", "test"), parts, strict=True):
            if not part:
                raise DataError(f"{path}: no row has the split {name}")
        train, test = (Sentences.of([r.words for r in part], [r.label for r in part], classes) for part in parts)
    else:
        count = len(rows) // _TEST_SHARE
        if not count:
            raise DataError(f"{path}: {len(rows)} rows are too few to cut a test part from; add a column split")
        kept, cut = stratified_cut(everything.labels, count, "text", "test")
        train, test = everything.rows(kept), everything.rows(cut)
    for number, name in enumerate(classes):
        if number not in train.labels:
            raise DataError(f"{path}: class {name} has no training sentence")
    return train, test

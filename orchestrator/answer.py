"""The answer of a query: on a terminal, as plain text that a pipe takes whole, as CSV, or as values for JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
from rich.console import Console

from orchestrator.columns import aligned
from orchestrator.figures import count

__all__ = ["answer_csv", "answer_plain", "render_answer"]

_WIDEST_CELL = 200  # on a terminal: a recipe in JSON, a distilled image


def answer_plain(answer: pa.Table) -> list[dict[str, Any]]:
    """Return the rows of a query's answer as JSON can say them: numbers that are not finite are null.

    Columns of one name are told apart by a suffix: ``trial``, ``trial_1``.
    """
    names = _different(answer.column_names)
    return [dict(zip(names, map(_finite, row), strict=True)) for row in _rows(answer)]


def answer_csv(answer: pa.Table) -> str:
    """Return the answer as CSV with a header: null is empty, lists and structs are JSON, numbers have all their digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_different(answer.column_names))
    writer.writerows([_csv_cell(value) for value in row] for row in _rows(answer))
    return text.getvalue()


def render_answer(answer: pa.Table, console: Console) -> None:
    """Print the answer of a query, and how many rows it has.

    On a terminal that is too narrow for the table, the rows come one below another, a value a line; only there are very long
    values cut. Elsewhere the table is as wide as it needs, and nothing is cut.
    """
    names = [_printable(name) for name in answer.column_names]
    if not console.is_terminal:
        lines = aligned(names, [[_whole(value) for value in row] for row in _rows(answer)])
    else:
        cells = [[_short(value) for value in row] for row in _rows(answer)]
        lines = aligned(names, cells)
        if max(map(len, lines)) > console.width:
            lines = list(_records(names, cells))
    # As it is: a line that is wider than the screen is for the terminal to fold, and brackets are no markup.
    console.out("\n".join([*lines, count(answer.num_rows, "row")]), highlight=False)


def _records(names: Sequence[str], cells: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a line for each value, ``name: value``, and an empty one after each row."""
    for row in cells:
        for name, cell in zip(names, row, strict=True):
            yield f"{name}: {cell}"
        yield ""


def _rows(answer: pa.Table) -> Iterable[tuple[Any, ...]]:
    """Return the rows by position, for names may come twice."""
    return zip(*(column.to_pylist() for column in answer.columns), strict=True)


def _different(names: list[str]) -> list[str]:
    """Return ``names`` with the least free number added to each that came before."""
    result: list[str] = []
    for name in names:
        free, number = name, 0
        while free in result or (number > 0 and free in names):
            number += 1
            free = f"{name}_{number}"
        result.append(free)
    return result


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list | tuple) else value


def _csv_cell(value: Any) -> Any:
    return json.dumps(_finite(value), default=str) if isinstance(value, dict | list | tuple) else value


def _whole(value: Any) -> str:
    return "-" if value is None else _printable(str(value))


def _short(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else _whole(value)
    return text if len(text) <= _WIDEST_CELL else text[: _WIDEST_CELL - 3] + "..."


def _printable(text: str) -> str:
    """Return ``text`` with what would break a line, or steer a terminal, written as in Python: a new line as ``\\n``."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)

"""Lists on screen: the shipped sweeps, the data sets, and the answer of a query."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sweeps import shipped

__all__ = ["data_plain", "render_data", "render_sweeps", "render_table", "sweeps_plain", "table_plain"]


def sweeps_plain() -> list[dict[str, Any]]:
    """Return the shipped sweeps as plain values."""
    return [
        {
            "name": each.name,
            "about": each.about,
            "path": str(each.path),
            "published": None if each.published is None else each.published.plain(),
        }
        for each in shipped()
    ]


def render_sweeps(console: Console) -> None:
    """Print the shipped sweeps, a row each."""
    table = Table("sweep", "published", "about", box=None, pad_edge=False)
    for each in sweeps_plain():
        published = each["published"]["accuracy"] if each["published"] else "-"
        table.add_row(*map(Text, (each["name"], published, each["about"])))
    console.print(table)


def data_plain() -> list[dict[str, Any]]:
    """Return the data sets that are known by name, and where those lie that are here."""
    from distiller.data import catalogue

    return [
        {
            "name": each.name,
            "about": each.about,
            "present": each.present,
            "where": None if each.where is None else str(each.where),
            "classes": each.classes,
            "shape": list(each.shape),
            "counts": list(each.counts),
        }
        for each in catalogue()
    ]


def render_data(console: Console) -> None:
    """Print the data sets, a row each, and how to fetch one that is not here."""
    table = Table("data set", "here", "classes", "shape", "train / test", "about", box=None, pad_edge=False)
    for each in data_plain():
        here = each["where"] or ("embedded" if each["present"] else f"no: stillhouse data {each['name']}")
        shape, counts = " x ".join(map(str, each["shape"])), " / ".join(f"{count:,}" for count in each["counts"])
        table.add_row(*map(Text, (each["name"], here, str(each["classes"]), shape, counts, each["about"])))
    console.print(table)


def table_plain(answer: pa.Table) -> list[dict[str, Any]]:
    """Return the rows of a query's answer as JSON can say them: numbers that are not finite are null.

    Columns of one name are told apart by a suffix: ``trial``, ``trial_1``.
    """
    names = _different(answer.column_names)
    return [dict(zip(names, map(_finite, row), strict=True)) for row in _rows(answer)]


def render_table(answer: pa.Table, console: Console) -> None:
    """Print the answer of a query, and how many rows it has."""
    table = Table(box=None, pad_edge=False)
    for name in answer.column_names:
        table.add_column(Text(name))
    for row in _rows(answer):
        table.add_row(*(Text(_cell(value)) for value in row))
    console.print(table, highlight=False)
    console.print(f"{answer.num_rows} rows", style="dim", highlight=False)


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


def _cell(value: Any) -> str:
    text = "-" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 80 else text[:77] + "..."

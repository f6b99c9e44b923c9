"""Lists on screen: the shipped sweeps, the data sets, and the answer of a query."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from sweeps import shipped

__all__ = ["data_plain", "render_data", "render_sweeps", "render_table", "sweeps_plain"]


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
        table.add_row(each["name"], published, each["about"])
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
        table.add_row(each["name"], here, str(each["classes"]), shape, counts, each["about"])
    console.print(table)


def render_table(answer: pa.Table, console: Console) -> None:
    """Print the answer of a query, and how many rows it has."""
    table = Table(*answer.column_names, box=None, pad_edge=False)
    for row in answer.to_pylist():
        table.add_row(*(_cell(value) for value in row.values()))
    console.print(table, highlight=False)
    console.print(f"{answer.num_rows} rows", style="dim", highlight=False)


def _cell(value: Any) -> str:
    text = "-" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 80 else text[:77] + "..."

"""Lists on screen: the shipped sweeps, and the data sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.columns import aligned
from sweeps import shipped

__all__ = ["data_plain", "render_data", "render_sweeps", "sweeps_plain"]

_ANY_WIDTH = 10_000
# What a narrow screen goes without, the first first; the command to copy and the path are never cut.
_DROPPED = ("about", "shape", "train / test", "classes")


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
    """Print the data sets, a row each, and how to fetch one that is not here; a narrow screen gets fewer columns."""
    rows = [_data_row(each) for each in data_plain()]
    if not console.is_terminal:
        console.out("\n".join(aligned(list(rows[0]), [list(row.values()) for row in rows])), highlight=False)
        return
    for dropped in range(len(_DROPPED) + 1):
        table = _data_table(rows, _DROPPED[:dropped])
        whole = console.measure(table, options=console.options.update(width=_ANY_WIDTH)).maximum
        if whole <= console.width:
            break
    console.print(table)


def _data_row(each: dict[str, Any]) -> dict[str, str]:
    return {
        "data set": each["name"],
        "here": each["where"] or ("embedded" if each["present"] else f"no: stillhouse data {each['name']}"),
        "classes": str(each["classes"]),
        "shape": " x ".join(map(str, each["shape"])),
        "train / test": " / ".join(f"{count:,}" for count in each["counts"]),
        "about": each["about"],
    }


def _data_table(rows: Sequence[dict[str, str]], dropped: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    kept = [name for name in rows[0] if name not in dropped]
    for name in kept:
        table.add_column(name, no_wrap=name != "here", overflow="fold")
    for row in rows:
        table.add_row(*(Text(row[name]) for name in kept))
    return table

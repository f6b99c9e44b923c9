"""The shipped sweeps on screen, as the papers' tables have them: the published figure, the cost, and data that are absent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.columns import aligned
from orchestrator.figures import count
from sweeps import Shipped, shipped

__all__ = ["render_sweeps", "sweeps_plain"]

_VARIANTS = ("search", "published")
_NO_TABLE = "With no published figure"
_NUMBERS = ("published", "core time", "memory")
_DROPPED = ("memory", "", "core time", "row")
"""What a narrow screen goes without, the first first."""
_ROOM = 24
"""Columns that the words of a row want at least."""
_LEGEND = (
    "published: %; ?: quoted from memory, not compared with the paper",
    "core time, memory: of a whole run, of one of its tasks; ~: extrapolated from some outer steps",
    "-search: NAME-search finds the recipe of NAME; -published: NAME-published is the paper's own recipe",
)


def sweeps_plain() -> list[dict[str, Any]]:
    """Return the shipped sweeps as plain values, in the order of the papers' tables; a variant of a sweep is inside it."""
    named = {each.name: each for each in shipped()}
    present = _present(named.values())
    plain = []
    for each in sorted(named.values(), key=_order):
        if _base(each.name, named) is None:
            variants = [f"{each.name}-{variant}" for variant in _VARIANTS]
            found = [_plain(named[name], present) for name in variants if name in named]
            plain.append(_plain(each, present) | {"variants": found})
    return plain


def render_sweeps(console: Console) -> None:
    """Print the shipped sweeps by table, a row each, then how to get data that are absent."""
    listed = sweeps_plain()
    groups = {name: [_cells(each) for each in group] for name, group in groupby(listed, key=_group)}
    dropped = _dropped(console, [row for rows in groups.values() for row in rows])
    for name, rows in groups.items():
        console.print(Text(name, style="bold"))
        _print_rows(console, [{key: row[key] for key in row if key not in dropped} for row in rows])
        console.print()
    for line in (*_absent(listed), *_LEGEND):
        console.print(Text(line), soft_wrap=not console.is_terminal)


def _order(each: Shipped) -> tuple[bool, str, list[tuple[int, str]], str]:
    published = each.published
    table, row = (published.table, published.row) if published else ("", "")
    # 5 images stand before 10: numbers in words are compared as numbers.
    words = [(int(word), "") if word.isdigit() else (-1, word) for word in re.split(r"(\d+)", row)]
    return published is not None, table, words, each.name


def _base(name: str, named: Iterable[str]) -> str | None:
    """Return the sweep of which ``name`` is a variant, `None` where there is none."""
    base, _, variant = name.rpartition("-")
    return base if variant in _VARIANTS and base in named else None


def _present(sweeps: Iterable[Shipped]) -> dict[str, bool]:
    """Say of each data set that a sweep needs whether it is here."""
    from distiller.data import DataError, locate

    present = {}
    for name in dict.fromkeys(name for each in sweeps for name in each.data):
        try:
            locate(name)
            present[name] = True
        except DataError:
            present[name] = False
    return present


def _plain(each: Shipped, present: dict[str, bool]) -> dict[str, Any]:
    return {
        "name": each.name,
        "about": each.about,
        "path": str(each.path),
        "published": None if each.published is None else each.published.plain(),
        "cost": None if each.cost is None else each.cost.plain(),
        "data": [{"name": name, "present": present[name], "fetch": _fetch(name)} for name in each.data],
    }


def _fetch(name: str) -> str | None:
    """Return the command that fetches a data set; `None` for a path, whose sweep says where its data come from."""
    from distiller.own_path import own_path

    return f"stillhouse data {name}" if own_path(name) is None else None


def _group(each: dict[str, Any]) -> str:
    return (each["published"] or {}).get("table") or _NO_TABLE


def _cells(each: dict[str, Any]) -> dict[str, str]:
    published = each["published"] or {}
    core_time, memory = _cost(each["cost"])
    return {
        "sweep": each["name"],
        "row": published.get("row") or each["about"].partition(":")[0],
        "published": _figure(published) + ("" if published.get("checked", True) else " ?"),
        "core time": core_time,
        "memory": memory,
        "": _notes(each),
    }


def _dropped(console: Console, rows: Sequence[dict[str, str]]) -> tuple[str, ...]:
    """Return the columns that a narrow screen goes without, so that the words of a row have room."""
    for amount in range(len(_DROPPED)):
        kept = [name for name in rows[0] if name not in (*_DROPPED[:amount], "row")]
        fixed = sum(max(len(row[name]) for row in rows) + 2 for name in kept)
        if not console.is_terminal or fixed + _ROOM <= console.width:
            return _DROPPED[:amount]
    return _DROPPED


def _print_rows(console: Console, rows: Sequence[dict[str, str]]) -> None:
    if not console.is_terminal:
        lines = aligned(list(rows[0]), [list(row.values()) for row in rows])
        console.out("\n".join(lines), highlight=False)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in rows[0]:
        table.add_column(name, justify="right" if name in _NUMBERS else "left", no_wrap=name != "row", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row.values()))
    console.print(table)


def _figure(published: dict[str, Any]) -> str:
    """Return the figure of the distilled set, or how many baselines there are figures of."""
    baselines = published.get("baselines")
    return published.get("accuracy") or (count(len(baselines), "baseline") if baselines else "-")


def _cost(cost: dict[str, Any] | None) -> tuple[str, str]:
    if cost is None:
        return "-", "-"
    about = "~" if cost["measured"] == "plan" else ""
    return f"{about}{_time(cost['core_minutes'])}", f"{cost['memory']:,} MiB"


def _time(minutes: float) -> str:
    if minutes < 90:
        return f"{minutes:.0f} min" if minutes >= 1 else "1 min"
    return f"{minutes / 60:,.0f} h" if minutes >= 600 else f"{minutes / 60:.1f} h"


def _notes(each: dict[str, Any]) -> str:
    """Return which variants there are, and which data are absent."""
    variants = ", ".join(variant["name"].removeprefix(each["name"]) for variant in each["variants"])
    absent = [data["name"] for data in each["data"] if not data["present"]]
    return "; ".join(filter(None, (variants, f"wants {', '.join(absent)}" if absent else "")))


def _absent(listed: Sequence[dict[str, Any]]) -> list[str]:
    every = (data for each in listed for data in each["data"] if not data["present"])
    absent = {data["name"]: data["fetch"] for data in every}
    return [
        f"{name} is not here: {fetch or 'its sweep file says where to get it, and how to store it'}"
        for name, fetch in absent.items()
    ]

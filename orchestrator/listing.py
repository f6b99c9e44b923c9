"""The data sets on screen: those that are known by name, and what a user's own path holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.columns import aligned

__all__ = ["data_plain", "own_data_plain", "render_data", "render_own_data"]

_ANY_WIDTH = 10_000
# What a narrow screen goes without, the first first; the command to copy and the path are never cut.
_DROPPED = ("about", "shape", "train / test", "classes")


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


def own_data_plain(path: str) -> dict[str, Any]:
    """Read the data at ``path`` whole and return what is there; raises `DataError` for what is wrong with them."""
    from distiller.data import class_names, is_text, load

    if is_text(path):
        return _own_text_plain(path)
    dataset = load(path)
    return {
        "path": path,
        "classes": dataset.classes,
        "names": class_names(path),
        "shape": list(dataset.shape),
        "counts": [len(dataset.train), len(dataset.test)],
        "per_class": dataset.train.labels.bincount(minlength=dataset.classes).tolist(),
        "mean": list(dataset.mean),
        "std": list(dataset.std),
    }


def _own_text_plain(path: str) -> dict[str, Any]:
    """Read the text at ``path`` without vectors, which are a recipe's."""
    from distiller.data import own_text

    found = own_text(path)
    lengths = [len(words) for words in found.train.words]
    return {
        "path": path,
        "classes": found.description.classes,
        "names": list(found.names),
        "counts": [len(found.train), len(found.test)],
        "per_class": found.train.labels.bincount(minlength=found.description.classes).tolist(),
        "words": [min(lengths), max(lengths)],
    }


def render_own_data(found: dict[str, Any], console: Console) -> None:
    """Print what a user's own path holds, a line a fact."""
    table = Table(box=None, pad_edge=False, show_header=False)
    names = f": {', '.join(found['names'])}" if found["names"] else ""
    fewest, most = min(found["per_class"]), max(found["per_class"])
    rows = {
        "path": found["path"],
        "classes": f"{found['classes']}{names}",
        "train / test": " / ".join(f"{count:,}" for count in found["counts"]),
        "train examples of a class": f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}",
    }
    if "words" in found:
        rows["words of a training sentence"] = "{:,} to {:,}".format(*found["words"])
    else:
        rows["shape"] = " x ".join(map(str, found["shape"]))
        rows |= {name: ", ".join(f"{number:.4f}" for number in found[name]) for name in ("mean", "std")}
    for name, said in rows.items():
        table.add_row(name, Text(said, overflow="fold"))
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

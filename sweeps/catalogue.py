"""The sweeps that are shipped, and finding a sweep by a file's path or a shipped name."""

from __future__ import annotations

import difflib
import os
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeps.error import Place, SweepError
from sweeps.reading import read_file
from sweeps.schema import Cost, Published
from sweeps.sweep import Sweep

__all__ = ["Shipped", "is_shipped", "read", "shipped"]

_FOLDER = pathlib.Path(__file__).parent / "shipped"


@dataclass(frozen=True)
class Shipped:
    """A sweep that comes with the package: ``read(name)`` reads it."""

    name: str
    about: str
    path: pathlib.Path
    published: Published | None
    cost: Cost | None
    data: tuple[str, ...]
    """The data sets that it needs, by name or path."""


def read(source: str | os.PathLike[str], overrides: Sequence[str] = ()) -> Sweep:
    """Read the shipped sweep called ``source``, or else the file at that path, with ``overrides`` put in.

    An override is KEY.PATH=VALUE, such as ``recipe.outer_steps=200``, its value YAML. A file that has a shipped sweep's name
    is read as ``./NAME``. Raises `SweepError`, one line that says where, what is wrong and what would be accepted.
    """
    return read_file(_find(os.fspath(source)), overrides)


def is_shipped(name: str) -> bool:
    """Say whether a sweep of that name is shipped, without reading any."""
    return name in _files()


def shipped() -> list[Shipped]:
    """Return the shipped sweeps by name."""
    return [_shipped(path, read_file(path)) for path in _files().values()]


def _shipped(path: pathlib.Path, sweep: Sweep) -> Shipped:
    data = {**_named_data(sweep.recipe.plain()), **_named_data(sweep.search.plain() if sweep.search else {})}
    return Shipped(sweep.name, sweep.about, path, sweep.published, sweep.cost, tuple(data))


def _named_data(values: Mapping[str, Any]) -> dict[str, None]:
    """Return the data sets under a key ``data`` at any depth, choices of a search too, in order and once each."""
    found: dict[str, None] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            choices = value.get("choice", ()) if key == "data" else ()
            found |= dict.fromkeys(choices) | _named_data(value)
        elif key == "data" and isinstance(value, str) and value != "noise":
            found[value] = None
    return found


def _files() -> dict[str, pathlib.Path]:
    return {path.stem: path for path in sorted(_FOLDER.glob("*.yaml"), key=lambda path: path.stem)}


def _find(source: str) -> pathlib.Path:
    files = _files()
    if source in files:
        return files[source]
    # os.path answers False, and raises nothing, for names that no file can have.
    if os.path.exists(source) and not os.path.isdir(source):
        return pathlib.Path(source)
    near = difflib.get_close_matches(source, [*files, *_beside(source)], n=1)
    wrong = "is a folder" if os.path.isdir(source) else "no such file or shipped sweep"
    hint = f"did you mean {near[0]}? " if near else ""
    raise SweepError(
        Place(source), (), f"{wrong}; {hint}expected a sweep file, or a name that `stillhouse sweeps` lists"
    )


def _beside(source: str) -> list[str]:
    """Return the YAML files in the folder where ``source`` was looked for, written as it was."""
    folder = os.path.dirname(source)
    names = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
    return [os.path.join(folder, name) for name in names if name.endswith((".yaml", ".yml"))]

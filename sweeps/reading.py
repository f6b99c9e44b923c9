"""From a sweep file on disk to a checked `Sweep`."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from sweeps.document import Node, parse
from sweeps.error import Place, SweepError
from sweeps.overrides import override
from sweeps.sweep import Sweep, build

__all__ = ["read_file"]

_LARGEST = 256 * 1024  # bytes; the longest shipped sweep has two thousand


def read_file(path: pathlib.Path, overrides: Sequence[str] = ()) -> Sweep:
    """Read the sweep file at ``path`` with ``overrides`` put in, in their order.

    Raises `SweepError`: one line with the file, the line and the key, or with the override that is wrong.
    """
    source = str(path)
    root = parse(_text(path), lambda line: Place(source, line))
    if root is None:
        raise SweepError(
            Place(source, 1), (), "is empty; expected keys and values, such as name:, recipe: and evaluate:"
        )
    if not isinstance(root.value, dict):
        raise SweepError(root.place, (), "expected keys and values, such as name:, recipe: and evaluate:")
    root = Node(Place(source, 1), {"name": Node(Place(source, 1), path.stem), **root.value})
    for text in overrides:
        root = override(root, text)
    return build(root.plain(), root.find)


def _text(path: pathlib.Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SweepError(Place(str(path)), (), f"cannot be read: {reason}; expected a sweep file") from None
    if len(content) > _LARGEST:
        raise SweepError(Place(str(path)), (), f"is too large; expected a sweep file of at most {_LARGEST // 1024} KiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"byte {content[error.start]:#04x}"
        raise SweepError(
            Place(str(path), line), (), f"is not UTF-8 text ({found}); expected a file saved as UTF-8"
        ) from None

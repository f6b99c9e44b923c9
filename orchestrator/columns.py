"""Plain text in columns, as wide as it needs: what a pipe or a file gets."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["aligned"]


def aligned(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line for the names and one for each row, every column as wide as its widest cell."""
    lines = [names, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]

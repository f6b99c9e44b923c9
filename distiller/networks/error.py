"""The one error of this room."""

from __future__ import annotations

__all__ = ["NetworkError", "first_line"]


class NetworkError(ValueError):
    """A network that does not exist, does not fit the data, or cannot be unrolled; one line that names it and the cure."""


def first_line(error: BaseException) -> str:
    """Return the kind of ``error`` and the first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__

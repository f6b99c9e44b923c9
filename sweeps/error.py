"""What is wrong with a sweep, in one line: the place, the key, what is wrong and what would be accepted."""

from __future__ import annotations

from dataclasses import dataclass

from sweeps.secret import without_passwords

__all__ = ["Path", "Place", "SweepError", "show"]

Path = tuple[str | int, ...]
"""Where a value stands in a sweep: keys, and numbers of list items."""


@dataclass(frozen=True)
class Place:
    """Where something was written: a file and its line from 1, or an override, which has no lines."""

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


class SweepError(Exception):
    """A sweep that cannot be run: ``place`` and ``key`` say where, ``reason`` what is wrong and what would be accepted."""

    def __init__(self, place: Place, path: Path, reason: str) -> None:
        self.place = place
        self.key = ".".join(_cut(part) for part in path if isinstance(part, str))
        self.reason = reason
        said = not self.key or place.source.startswith(f"--set {self.key}=")
        line = f"{place}: {reason}" if said else f"{place}: {self.key}: {reason}"
        super().__init__(_one_line(without_passwords(line)))


def show(value: object) -> str:
    """Return ``value`` as an error quotes it, at most 60 characters."""
    return "nothing" if value is None else _cut(without_passwords(repr(value)))


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _one_line(text: str) -> str:
    """Replace what would break the line or act on a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)

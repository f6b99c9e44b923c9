"""The keys of a table's rows, held small: a driver knows millions of them.

Rows come in series that share all of a key but its last number: an outer step, an initialisation. A series is held once, with its
numbers as the bits of one integer: 20 million keys of curves are some megabytes, where a set of tuples would be 4 GB.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["Key", "Keys"]

Key = tuple[Any, ...]


class Keys:
    """A set of keys whose last element is a number from 0 on."""

    def __init__(self) -> None:
        self._numbers: dict[Key, int] = {}

    def __contains__(self, key: Key) -> bool:
        return bool(self._numbers.get(key[:-1], 0) >> key[-1] & 1)

    def add(self, key: Key) -> None:
        """Take in a key."""
        series, number = key[:-1], key[-1]
        self._numbers[series] = self._numbers.get(series, 0) | 1 << number

    def update(self, keys: Iterable[Key]) -> None:
        """Take in several."""
        for key in keys:
            self.add(key)

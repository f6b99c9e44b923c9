"""Large arguments of calls in flight, each stored once in Ray's object store however many calls share it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import ray
from ray import ObjectRef

__all__ = ["Payloads"]

_LARGE = 100_000
"""Bytes from which an argument is stored once for all calls that share it, instead of travelling with each."""


@dataclass
class _Stored:
    """A payload in Ray's object store, and how many calls in flight use it."""

    ref: ObjectRef[Any]
    uses: int = 0


class Payloads:
    """What is stored for calls in flight; nothing once all of them have been released."""

    def __init__(self) -> None:
        self._stored: dict[bytes, _Stored] = {}

    def __len__(self) -> int:
        return len(self._stored)

    def store(self, value: Any) -> Any:
        """Return ``value``, or the reference of a large payload, stored when the first call in flight wants it.

        The bytes themselves are the key: Python remembers their hash, and compares the same object by its address.
        """
        if not _is_large(value):
            return value
        if value not in self._stored:
            self._stored[value] = _Stored(ray.put(value))
        self._stored[value].uses += 1
        return self._stored[value].ref

    def release(self, values: Iterable[Any]) -> None:
        """Let go of the payloads of a call that has ended, and of those that no other call uses."""
        for value in filter(_is_large, values):
            stored = self._stored.get(value)
            if stored is not None:
                stored.uses -= 1
                if stored.uses <= 0:
                    del self._stored[value]

    def clear(self) -> None:
        """Let go of all."""
        self._stored.clear()


def _is_large(value: Any) -> bool:
    return isinstance(value, bytes) and len(value) > _LARGE

"""A YAML document as plain values, with the place where every key was written.

Built from the parser's events, so nothing in a file can name an object to make: a tag is an error, a key given twice is an
error, and an alias shares what it stands for, within bounds on depth and size that hold before anything is expanded.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from sweeps.error import Path, Place, SweepError, show
from sweeps.scalars import Scalar, scalar

__all__ = ["Node", "parse"]

_DEEPEST = 32
_MOST_VALUES = 100_000


@dataclass(frozen=True)
class Node:
    """A value of a document and the place where it was written; for a mapping's value, the place of its key."""

    place: Place
    value: dict[str, Node] | list[Node] | Scalar

    def plain(self) -> Any:
        """Return dicts, lists and scalars. Raises `SweepError` where aliases make it too deep or too large."""
        return _plain(self, itertools.count(), 0)

    def find(self, path: Path) -> Place:
        """Return the place of what stands at ``path``, or of the nearest thing around it."""
        node = self
        for step in path:
            inside: Any = dict(enumerate(node.value)) if isinstance(node.value, list) else node.value
            if not isinstance(inside, dict) or step not in inside:
                break
            node = inside[step]
        return node.place


def parse(text: str, at: Callable[[int], Place]) -> Node | None:
    """Read one YAML document; `None` where there is none. ``at`` makes a place from a line number counted from 1.

    Raises `SweepError` for text that is not YAML, and for tags, keys given twice, keys that are not text, unknown aliases,
    more than one document and anything nested too deeply.
    """
    try:
        return _Composer(YAML(typ="safe", pure=True).parse(text), at).document()
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SweepError(at(line), (), f"is not YAML text: character {error.character:#x} is not allowed") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SweepError(
            at(mark.line + 1 if mark else 1), (), f"is not YAML: {error.problem or error.context}"
        ) from None
    except YAMLError as error:
        raise SweepError(at(1), (), f"is not YAML: {error}") from None


class _Composer:
    """Makes nodes from the events of one document."""

    def __init__(self, stream: Iterator[Any], at: Callable[[int], Place]) -> None:
        self._stream = stream
        self._at = at
        self._anchors: dict[str, Node] = {}

    def document(self) -> Node | None:
        next(self._stream)  # the stream's start
        start = next(self._stream)
        if isinstance(start, events.StreamEndEvent):
            return None
        if start.version not in (None, (1, 2)):
            raise SweepError(self._place(start), (), "is marked as another version of YAML; expected YAML 1.2")
        node = self._node(next(self._stream), ())
        next(self._stream)  # the document's end
        more = next(self._stream)
        if not isinstance(more, events.StreamEndEvent):
            raise SweepError(self._place(more), (), "begins a second document (---); expected one")
        return node

    def _place(self, event: Any) -> Place:
        return self._at(event.start_mark.line + 1)

    def _node(self, event: Any, path: Path) -> Node:
        place = self._place(event)
        if isinstance(event, events.AliasEvent):
            if event.anchor not in self._anchors:
                raise SweepError(place, path, f"alias *{event.anchor} stands for nothing; expected an anchor above it")
            return self._anchors[event.anchor]
        if event.tag is not None:
            raise SweepError(place, path, f"tag {event.tag} is not accepted; expected a plain value")
        if len(path) > _DEEPEST:
            raise SweepError(place, (), f"is nested too deeply; expected at most {_DEEPEST} levels")
        node = Node(place, self._value(event, path))
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _value(self, event: Any, path: Path) -> dict[str, Node] | list[Node] | Scalar:
        if isinstance(event, events.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, events.SequenceStartEvent):
            items = self._until(events.SequenceEndEvent)
            return [self._node(item, (*path, index)) for index, item in enumerate(items)]
        unquoted = event.implicit[0]
        return scalar(event.value) if unquoted else _text(event.value, self._place(event), path)

    def _mapping(self, path: Path) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        for event in self._until(events.MappingEndEvent):
            place = self._place(event)
            key = self._node(event, path).value
            if not isinstance(key, str):
                what = "keys" if isinstance(key, dict) else "a list" if isinstance(key, list) else show(key)
                raise SweepError(place, path, f"expected a name as the key, got {what}")
            if key in entries:
                raise SweepError(place, (*path, key), f"is given twice, first at {entries[key].place}; expected once")
            entries[key] = replace(self._node(next(self._stream), (*path, key)), place=place)
        return entries

    def _until(self, end: type) -> Iterator[Any]:
        """Yield events up to the ``end`` of this collection; those inside an item are taken by the item."""
        return itertools.takewhile(lambda event: not isinstance(event, end), self._stream)


def _text(value: str, place: Place, path: Path) -> str:
    """Return quoted text as it stands; an escape can write half a character, which no file could hold again."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise SweepError(place, path, f"expected text of whole characters, got {show(value)}") from None
    return value


def _plain(node: Node, counter: Iterator[int], depth: int) -> Any:
    if depth > _DEEPEST or next(counter) > _MOST_VALUES:
        limits = f"at most {_DEEPEST} levels and {_MOST_VALUES:,} values"
        raise SweepError(node.place, (), f"is too deep or too large once its aliases are read; expected {limits}")
    if isinstance(node.value, dict):
        return {key: _plain(item, counter, depth + 1) for key, item in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(item, counter, depth + 1) for item in node.value]
    return node.value

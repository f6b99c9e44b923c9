"""Overrides from the command line, ``--set recipe.outer_steps=200``, put into a sweep before it is checked."""

from __future__ import annotations

from dataclasses import replace

from sweeps.document import Node, parse
from sweeps.error import Path, Place, SweepError, show

__all__ = ["override"]


def override(root: Node, text: str) -> Node:
    """Return ``root`` with ``text``, KEY.PATH=VALUE, put in; the value is YAML, and sections that are absent are made.

    Raises `SweepError` for text of another form, and for a path through something that is not a section.
    """
    place = Place(f"--set {text}")
    dotted, sign, written = text.partition("=")
    keys = tuple(key.strip() for key in dotted.split("."))
    if not sign or not all(keys):
        raise SweepError(place, (), "expected KEY=VALUE, such as recipe.outer_steps=200")
    value = parse(written, lambda _: place) or Node(place, None)
    return _put(root, keys, 0, value)


def _put(node: Node, keys: Path, depth: int, value: Node) -> Node:
    if depth == len(keys):
        return value
    entries = {} if node.value is None else node.value
    if not isinstance(entries, dict):
        got = "a list" if isinstance(entries, list) else show(entries)
        raise SweepError(value.place, keys[:depth], f"has no keys inside, it is {got}; expected to set it as a whole")
    key = str(keys[depth])
    inner = entries.get(key, Node(value.place, None))
    return replace(node, value={**entries, key: _put(inner, keys, depth + 1, value)})

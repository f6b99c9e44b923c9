"""In which keys settings differ, a value for each of those that are held side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Settings", "differing", "dotted"]

Settings = Mapping[str, Any]
"""Values by dotted key."""

_WHOLE = ("recipe", "search.space")
"""Sections whose keys are shown with their values whole: a dimension of the search, a decay."""


def dotted(values: Mapping[str, Any], section: str = "") -> dict[str, Any]:
    """Return nested values by dotted key, those of a section in ``section``; an empty section is a value of its own."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{section}.{key}" if section else key
        if isinstance(value, Mapping) and value and section not in _WHOLE:
            found |= dotted(value, name)
        else:
            found[name] = value
    return found


def differing(all_settings: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Return the keys whose values are not the same in all, in their order, with each one's value; null where it has none.

    A section that some have and others do not, such as ``search``, is one key with the whole section; of its keys, only those are
    told in which the ones that have it differ.
    """
    flat = [dotted(settings) for settings in all_settings]
    found: dict[str, tuple[Any, ...]] = {}
    for key in dict.fromkeys(key for one in flat for key in one):
        row = tuple(_value(settings, key) for settings in all_settings)
        those = [value for value, one in zip(row, flat, strict=True) if not _lacks_section(one, key)]
        if any(value != those[0] for value in those):
            found[key] = row
    return found


def _value(settings: Mapping[str, Any], key: str) -> Any:
    """Return the value of a dotted key, null where there is none; of a section that is there, all of it."""
    value: Any = settings
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _lacks_section(one: Settings, key: str) -> bool:
    """Say whether the settings have no such section as the key is in."""
    parts = key.split(".")
    return any(one.get(".".join(parts[:end]), ...) is None for end in range(1, len(parts)))

"""Where a sweep that bears a shipped sweep's name is no longer that sweep, so that its published figure is another recipe's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sweeps import Sweep, is_shipped, read

__all__ = ["altered_keys"]

# What is for people, what decides speed alone, and the budget, of which the report says how much is done.
_NOT_COMPARED = (
    "name",
    "about",
    "published",
    "cost",
    "resources",
    "recipe.device",
    "recipe.backend",
    "search.trials",
    "search.hours",
    "search.device_hours",
)


def altered_keys(sweep: Sweep) -> tuple[str, ...]:
    """Return the keys in which ``sweep`` differs from the shipped sweep of its name; none where there is no such sweep."""
    if not is_shipped(sweep.name):
        return ()
    ours, theirs = _flat(sweep.frozen()), _flat(read(sweep.name).frozen())
    different = (key for key in ours | theirs if ours.get(key) != theirs.get(key))
    return tuple(key for key in different if not _is_left_out(key))


def _is_left_out(key: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in _NOT_COMPARED)


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return the values of nested mappings by dotted key."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{before}{key}.") if isinstance(value, Mapping) else {before + key: value}
    return flat

"""Whether a figure that was computed anew is the one that a run has: equal to the bit, to rounding, or another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

__all__ = ["ACCURACY_ROUNDING", "LOSS_ROUNDING", "Sameness", "Versions", "compare", "excuse", "other_version"]

Sameness = Literal["bit", "rounding", "other"]

Versions = tuple[str | None, str | None]
"""Of torch: the run's and this one's."""

ACCURACY_ROUNDING = 0.05
"""By how much an accuracy (0 .. 1) may differ where only rounding is promised: training amplifies it."""
LOSS_ROUNDING = 0.1
"""By how much of itself any other figure may differ then."""


def excuse(row: Mapping[str, Any], value: Mapping[str, Any], versions: Versions) -> str | None:
    """Return why ``row`` and what was computed anew need be equal to rounding only, or `None` where every bit is promised.

    ``value`` says its ``chunk`` and its ``device``.
    """
    for name in ("device", "chunk"):
        if row[name] != value[name]:
            return f"{name} {value[name]} instead of {row[name]}"
    if row["phase"].partition("/")[0] == "extra":
        return "networks of `evaluate` may have been trained in other company"
    return other_version(versions)


def other_version(versions: Versions) -> str | None:
    """Return that the versions differ, or `None` where they do not."""
    return None if versions[0] == versions[1] else f"torch {versions[1]} instead of {versions[0]}"


def compare(name: str, kept: Any, found: Any) -> Sameness:
    """Compare two figures of the column ``name``; a float that is not finite is null in a run."""
    kept, found = _null(kept), _null(found)
    if kept == found:
        return "bit"
    if isinstance(kept, list | tuple) and isinstance(found, list | tuple) and len(kept) == len(found):
        # Parquet gives a list, a task a tuple.
        parts: list[Sameness] = [compare(name, a, b) for a, b in zip(kept, found, strict=True)]
        return max(parts, key=("bit", "rounding", "other").index, default="bit")
    if not (isinstance(kept, float) and isinstance(found, float)):
        return "other"
    is_fraction = "accurac" in name or name.endswith("share")
    near = abs(kept - found) <= ACCURACY_ROUNDING if is_fraction else math.isclose(kept, found, rel_tol=LOSS_ROUNDING)
    return "rounding" if near else "other"


def _null(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value

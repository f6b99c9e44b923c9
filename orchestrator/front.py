"""The Pareto front: the complete trials that no other beats in one objective without losing in another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["FRONT_SQL", "front", "signed"]


def signed(values: Sequence[float]) -> tuple[float, ...]:
    """Return objectives such that more is better in each: the first is an accuracy, the others are costs."""
    return (values[0], *(-value for value in values[1:]))


def front(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows of the front, by falling accuracy, of equals the earlier one first; all that share a point are on it."""
    complete = [(signed(row["objectives"]), row) for row in rows if row["status"] == "complete" and row["objectives"]]
    # Whatever is beaten is beaten by one before it in this order, and by one of the front.
    found: list[tuple[tuple[float, ...], Mapping[str, Any]]] = []
    for values, row in sorted(complete, key=lambda each: ([-value for value in each[0]], each[1]["trial"])):
        if not any(_beats(other, values) for other, _ in found):
            found.append((values, row))
    return [row for _, row in found]


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a >= b for a, b in zip(one, other, strict=True)) and one != other


FRONT_SQL = """
SELECT * FROM trials AS t WHERE status = 'complete' AND NOT EXISTS (
    SELECT 1 FROM trials AS o WHERE o.status = 'complete' AND o.objectives <> t.objectives
    AND o.objectives[1] >= t.objectives[1]
    AND coalesce(o.objectives[2] <= t.objectives[2], true)
    AND coalesce(o.objectives[3] <= t.objectives[3], true)
) ORDER BY objectives[1] DESC, trial"""
"""The front as DuckDB finds it among `trials`."""

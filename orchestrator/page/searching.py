"""What the search did: its history, what each key did, two keys at once, and what no other trial beats."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from orchestrator.figures import count, number, percent
from orchestrator.page.axis import Axis, axis_over, names_axis
from orchestrator.page.blocks import Block, Plotted, Section, Table
from orchestrator.page.findings import Findings
from orchestrator.page.plot import Plot
from orchestrator.page.surface import surface
from orchestrator.page.tradeoff import front
from orchestrator.records import Row

__all__ = ["searching"]

_HISTORY = "How did the search go?"
_IMPORTANCE = "Which searched keys mattered?"
_MOST_SLICES = 12
_MOST_DOTS = 1_500


def searching(found: Findings) -> Section | None:
    """Return the section, `None` where nothing was searched or no trial has ended."""
    search = found.run.sweep.search
    if search is None or not found.summary.trials:
        return None
    history = found.answer(_HISTORY)
    complete = [row for row in history if row["status"] == "complete"]
    blocks: list[Block] = [_history(found, history)]
    lines = [f"Sampler {search.sampler}, lag {search.lag}, {count(len(search.space), 'key')}."]
    if len(complete) >= 2:
        importance = found.answer(_IMPORTANCE)
        blocks += [_importance(found, importance)] if importance else []
        names = [row["key"] for row in importance] or sorted(search.space)
        blocks += [_slice(found, complete, name) for name in names[:_MOST_SLICES]]
        drawn = _contour(found, complete, names)
        blocks += [drawn] if drawn else []
        blocks += front(found, _best_of(complete))
    thinned = f" Plots of searched keys show the best {_MOST_DOTS:,} trials." if len(complete) > _MOST_DOTS else ""
    return Section("search", "The search", [lines[0] + thinned], blocks)


def _history(found: Findings, rows: Sequence[Row]) -> Plotted:
    measured = [100 * row["accuracy"] for row in rows if row["accuracy"] is not None]
    complete = [(row["trial"], 100 * row["accuracy"]) for row in rows if row["status"] == "complete"]
    y = axis_over("accuracy, % (validation)", measured or [0.0, 100.0])
    x = axis_over("trial", [row["trial"] for row in rows], whole=True)
    plot = Plot(x, y, f"accuracy of {len(complete)} trials in the order of asking, and the best so far")
    best = list(accumulate((value for _, value in complete), max))
    steps = [(trial, value) for (trial, _), value in zip(complete, best, strict=True)]
    corners = [
        corner for (_, before), (trial, value) in pairwise(steps) for corner in ((trial, before), (trial, value))
    ]
    plot.line([*steps[:1], *corners], "two")
    winner = found.headline.trial if found.headline else None
    stride = max(1, len(rows) // _MOST_DOTS)
    for row in [row for place, row in enumerate(rows) if place % stride == 0 or row["trial"] == winner]:
        if row["accuracy"] is None:
            plot.dot(row["trial"], -math.inf, f"trial {row['trial']}: {row['status']}", "bad")
        else:
            kind = "best" if row["trial"] == winner else "one" if row["status"] == "complete" else "faint"
            plot.dot(row["trial"], 100 * row["accuracy"], f"trial {row['trial']}: {percent(row['accuracy'])}", kind)
    key = [("best", "winner"), ("two", "best so far")] if complete else []
    key += [("faint", "raced out or pruned")] if len(complete) < len(measured) else []
    key += [("bad", "without a result")] if len(measured) < len(rows) else []
    return Plotted(plot.svg(), "Search history.", found.source(_HISTORY), key)


def _importance(found: Findings, rows: Sequence[Row]) -> Table:
    cells = [(row["key"], percent(row["importance"])) for row in rows]
    note = (
        "How much a key decides whether a trial is among the most accurate tenth (of fewer than fifty trials, five), by "
        "Optuna's PED-ANOVA; of few trials it says little."
    )
    return Table(
        ("key", "importance, %"), cells, found.source(_IMPORTANCE), title="Importance of the searched keys", note=note
    )


def _slice(found: Findings, rows: Sequence[Row], name: str) -> Plotted:
    shown = _best_of(rows)
    axis, places = _axis_of(found, name, [row["params"][name] for row in rows])
    y = axis_over("accuracy, % (validation)", [100 * row["accuracy"] for row in shown])
    plot = Plot(axis, y, f"accuracy of {len(shown)} trials against {name}")
    winner = found.headline.trial if found.headline else None
    for row in sorted(shown, key=lambda row: row["trial"] == winner):
        value = row["params"][name]
        title = f"trial {row['trial']}: {name} {_told(value)}, {percent(row['accuracy'])}"
        plot.dot(places(value), 100 * row["accuracy"], title, "best" if row["trial"] == winner else "one")
    return Plotted(plot.svg(), f"{name}.", found.source(_HISTORY))


def _contour(found: Findings, rows: Sequence[Row], names: Sequence[str]) -> Plotted | None:
    """Draw the two foremost keys at once, with the accuracy between the trials."""
    if len(names) < 2 or len(rows) < 4:
        return None
    shown = _best_of(rows)
    axes = [_axis_of(found, name, [row["params"][name] for row in rows]) for name in names[:2]]
    (x, left), (y, up) = axes
    points = [
        (x.at(left(row["params"][names[0]])), y.at(up(row["params"][names[1]])), row["accuracy"]) for row in shown
    ]
    shares = surface(points)
    if shares is None:
        return None
    plot = Plot(x, y, f"accuracy of {len(shown)} trials over {names[0]} and {names[1]}")
    plot.cells(shares)
    winner = found.headline.trial if found.headline else None
    for row in shown:
        values = [row["params"][name] for name in names[:2]]
        title = f"trial {row['trial']}: {percent(row['accuracy'])}"
        plot.dot(left(values[0]), up(values[1]), title, "best" if row["trial"] == winner else "small")
    low, high = min(row["accuracy"] for row in shown), max(row["accuracy"] for row in shown)
    range_ = f"{percent(low)} to {percent(high)} %"
    caption = f"{names[0]} and {names[1]}: the stronger, the more accurate, {range_}; between trials by interpolation."
    return Plotted(plot.svg(), caption, found.source(_HISTORY))


def _best_of(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: -row["accuracy"])[:_MOST_DOTS]


def _axis_of(found: Findings, name: str, values: Sequence[Any]) -> tuple[Axis, Any]:
    """Return the axis of a searched key, and where a value of it stands: choices are words, numbers are as in the space."""
    assert found.run.sweep.search is not None
    plain = found.run.sweep.search.space[name].plain() if name in found.run.sweep.search.space else {}
    if "choice" in plain:
        names = list(dict.fromkeys([_told(value) for value in [*plain["choice"], *values]]))
        return names_axis(name, names), lambda value: names.index(_told(value))
    return axis_over(name, values, log=bool(plain.get("log")), whole="int" in plain), float


def _told(value: Any) -> str:
    return json.dumps(value) if isinstance(value, list | dict) else number(value)

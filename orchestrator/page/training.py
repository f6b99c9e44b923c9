"""Loss and accuracy against outer steps, of the winner and of those behind it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from orchestrator.page.axis import axis_over
from orchestrator.page.blocks import Block, Plotted, Section
from orchestrator.page.findings import Findings
from orchestrator.page.plot import Plot
from orchestrator.records import Row

__all__ = ["training"]

_CURVES = "How did loss and accuracy go over the outer steps?"
_SHOWN = (
    ("loss", "outer loss", "Outer loss, on the step's real batch", True),
    ("accuracy", "accuracy, %", "Accuracy on the step's real batch", False),
    ("validation", "accuracy, %", "Accuracy on validation", False),
    ("steepest", "norm", "Norm of the meta-gradient before clipping, the largest of a stretch", True),
)


def training(found: Findings) -> Section | None:
    """Return the section, `None` where no outer step is logged."""
    rows = found.answer(_CURVES)
    curves: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        curves.setdefault((row["trial"], row["run"]), []).append(row)
    blocks: list[Block] = []
    for column, label, caption, log in _SHOWN:
        if any(row[column] is not None for row in rows):
            blocks.append(_drawn(found, curves, column, label, caption, log))
    if not blocks:
        return None
    return Section("training", "Distillation over outer steps", [_LEGEND], blocks)


_LEGEND = (
    "Each point is the mean of a stretch of steps, so that a curve has some 200 points. Thin: the four trials next best, and "
    "further runs."
)


def _drawn(
    found: Findings, curves: Mapping[tuple[int, int], Sequence[Row]], column: str, label: str, caption: str, log: bool
) -> Plotted:
    scale = 1 if log else 100
    winner = _winner(found, curves)
    lines = {
        key: [(row["from_step"], scale * (math.nan if row[column] is None else row[column])) for row in rows]
        for key, rows in curves.items()
    }
    values = [point for line in lines.values() for point in line]
    x = axis_over("outer step", [step for step, _ in values], whole=True, zero=True)
    y = axis_over(label, [value for _, value in values], log=log)
    plot = Plot(x, y, f"{caption} against outer steps, of {len(lines)} distillations")
    for key, line in sorted(lines.items(), key=lambda item: item[0] == winner):
        kind = "best" if key == winner else "faint"
        plot.line([point for point in line if math.isfinite(point[1])], kind)
    return Plotted(plot.svg(), f"{caption}.", found.source(_CURVES), (("best", f"trial {winner[0]}, run {winner[1]}"),))


def _winner(found: Findings, curves: Mapping[tuple[int, int], Sequence[Row]]) -> tuple[int, int]:
    if found.headline is not None and (found.headline.trial, 0) in curves:
        return found.headline.trial, 0
    return next(iter(curves))

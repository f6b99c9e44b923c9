"""What accuracy costs: the trials that no other beats in everything, the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.figures import number, percent
from orchestrator.page.axis import axis_over
from orchestrator.page.blocks import Block, Plotted, Table
from orchestrator.page.findings import Findings
from orchestrator.page.plot import Plot
from orchestrator.records import Row

__all__ = ["front"]

_BY_SECONDS = "Which trials are beaten by no other in both accuracy and cost?"
_BY_OBJECTIVES = "What accuracy does a smaller or quicker set buy?"
_SHOWN = 30


def front(found: Findings, rows: Sequence[Row]) -> list[Block]:
    """Return accuracy against each further objective of the search; against device seconds where accuracy is the only one.

    ``rows`` are complete trials as the search's history has them.
    """
    costs = found.summary.objectives[1:]
    if not costs:
        best = {row["trial"] for row in found.answer(_BY_SECONDS)}
        return [_drawn(found, "device seconds", [(row, row["device_seconds"]) for row in rows], best, _BY_SECONDS)]
    members = set(found.summary.front)
    drawn: list[Block] = [
        _drawn(found, name, [(row, row["objectives"][place]) for row in rows], members, _BY_OBJECTIVES)
        for place, name in enumerate(costs, 1)
    ]
    return [*drawn, _table(found, costs)]


def _drawn(found: Findings, name: str, costs: Sequence[tuple[Row, float]], best: set[int], question: str) -> Plotted:
    x = axis_over(name, [cost for _, cost in costs], log=True)
    y = axis_over("accuracy, % (validation)", [100 * row["accuracy"] for row, _ in costs])
    plot = Plot(x, y, f"accuracy against {name} of {len(costs)} trials, {len(best)} of them on the front")
    on = sorted((cost, 100 * row["accuracy"]) for row, cost in costs if row["trial"] in best)
    plot.line(on, "two")
    for row, cost in sorted(costs, key=lambda each: each[0]["trial"] in best):
        title = f"trial {row['trial']}: {percent(row['accuracy'])} at {number(float(cost))} {name}"
        plot.dot(cost, 100 * row["accuracy"], title, "best" if row["trial"] in best else "one")
    caption = f"Accuracy against {name}; those on the line are beaten by no other in everything (the Pareto front)."
    return Plotted(plot.svg(), caption, found.source(question), (("best", "on the front"),))


def _table(found: Findings, costs: Sequence[str]) -> Table:
    rows = found.answer(_BY_OBJECTIVES)
    cells = [
        (str(row["trial"]), percent(row["accuracy"]), percent(row["accuracy_se"]), *map(number, row["costs"]))
        for row in rows
    ]
    headers = ("trial", "accuracy, %", "se", *costs)
    return Table(headers, cells[:_SHOWN], found.source(_BY_OBJECTIVES), title="The Pareto front, validation")

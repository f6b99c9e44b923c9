"""How the accuracies of the winner's networks spread over initialisations."""

from __future__ import annotations

import math

from orchestrator.figures import count, percent
from orchestrator.page.axis import axis_over
from orchestrator.page.blocks import Block, Plotted, Section, Table
from orchestrator.page.findings import Findings
from orchestrator.page.plot import Plot
from orchestrator.records import Row

__all__ = ["networks"]

_HISTOGRAM = "How do the winner's networks spread?"
_QUANTILES = "What do the worst, the middle and the best network reach?"
_FEWEST_BINS, _MOST_BINS = 8, 40


def networks(found: Findings) -> Section | None:
    """Return the section, `None` where the winner has fewer than two networks."""
    if found.headline is None:
        return None
    rows = found.answer(_HISTOGRAM)
    # Of the finals of an extended run, the headline's alone: it is what the mean is of.
    shown = [row for row in rows if row["phase"] == found.headline.phase]
    shown = shown or [row for row in rows if row["phase"] == "search"]
    if sum(row["networks"] for row in shown) < 2:
        return None
    blocks: list[Block] = [_drawn(found, shown)]
    quantiles = found.answer(_QUANTILES)
    headers = ("phase", "networks", "worst", "5 %", "25 %", "median", "75 %", "95 %", "best")
    cells = [
        (row["phase"], f"{row['networks']:,}", *(percent(row[name]) for name in list(row)[2:])) for row in quantiles
    ]
    blocks.append(Table(headers, cells, found.source(_QUANTILES), title="Quantiles of accuracy, %"))
    return Section("networks", "The spread over initialisations", [], blocks)


def _drawn(found: Findings, rows: list[Row]) -> Plotted:
    """Draw networks by accuracy; the answer is in bins of a tenth of a point, some of which are taken together here."""
    tenths = [round(1000 * row["from_accuracy"]) for row in rows]
    wanted = min(_MOST_BINS, max(_FEWEST_BINS, round(2 * math.sqrt(sum(row["networks"] for row in rows)))))
    width = max(1, math.ceil((max(tenths) - min(tenths) + 1) / wanted))
    bins: dict[int, int] = {}
    for tenth, row in zip(tenths, rows, strict=True):
        bins[tenth // width] = bins.get(tenth // width, 0) + row["networks"]
    edges = [edge * width / 10 for number in bins for edge in (number, number + 1)]
    x, y = axis_over("accuracy, %", edges), axis_over("networks", [0, *bins.values()], whole=True, zero=True)
    total, phase = sum(bins.values()), rows[0]["phase"]
    plot = Plot(x, y, f"histogram of {total} accuracies in phase {phase}")
    for number, amount in sorted(bins.items()):
        low, high = number * width / 10, (number + 1) * width / 10
        plot.bar(low, high, amount, f"{low:.1f} to {high:.1f} %: {count(amount, 'network')}")
    assert found.headline is not None
    measured = found.headline.test if phase == found.headline.phase else None
    mean = (measured or found.headline.validation).mean
    plot.mark(100 * mean, f"mean {percent(mean)}")
    caption = f"{count(total, 'network')} of phase {phase}, in steps of {width / 10:g} points; the line is the mean."
    return Plotted(plot.svg(), caption, found.source(_HISTOGRAM))

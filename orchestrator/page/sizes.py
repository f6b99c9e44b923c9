"""Accuracy against the number of distilled examples: the papers' figure, over a run's trials or over several runs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from orchestrator.figures import mean_sd, percent, percents
from orchestrator.interval import interval
from orchestrator.page.axis import axis_over
from orchestrator.page.blocks import Block, Plotted, Section, Table
from orchestrator.page.findings import Findings
from orchestrator.page.plot import Plot
from orchestrator.page.verdict import published_mean
from orchestrator.report import size_lines
from orchestrator.size_curve import Line, Task

__all__ = ["curve", "examples"]

_SIZES = "How many distilled examples give how much accuracy?"


def examples(found: Findings) -> Section | None:
    """Return the section, `None` where trials do not differ in their number of examples."""
    rows = [row for row in found.answer(_SIZES) if row["examples"]]
    if len(rows) < 2:
        return None
    points = [(row["examples"], 100 * row["accuracy"]) for row in rows]
    x = axis_over(
        "distilled examples", [amount for amount, _ in points], log=points[-1][0] > 8 * points[0][0], whole=True
    )
    y = axis_over("accuracy, % (validation)", [value for _, value in points])
    plot = Plot(x, y, f"the best accuracy at each of {len(points)} numbers of distilled examples")
    best = list(accumulate((value for _, value in points), max))
    plot.line([(amount, value) for (amount, _), value in zip(points, best, strict=True)], "two")
    for row in rows:
        title = f"{row['examples']} examples: {percent(row['accuracy'])}, trial {row['trial']}"
        plot.dot(row["examples"], 100 * row["accuracy"], title)
    cells = [
        (f"{row['examples']:,}", percent(row["accuracy"]), str(row["trial"]), f"{row['trials']:,}") for row in rows
    ]
    headers = ("examples", "best accuracy, %", "trial", "trials")
    drawn = Plotted(
        plot.svg(),
        "The best trial at each number of examples, and the best with so many or fewer.",
        found.source(_SIZES),
    )
    blocks: list[Block] = [drawn, Table(headers, cells[:30], found.source(_SIZES), words=0)]
    return Section(
        "examples", "Accuracy against the number of examples", size_lines(found.summary.sizes, "validation"), blocks
    )


def curve(number: int, task: Task) -> Section:
    """Return the section on several runs of one task, the ``number``-th of a page."""
    measured = [line for line in task.lines if line.examples and line.test]
    blocks: list[Block] = [_curve(task, measured)] if measured else []
    headers = ("run", "examples", "test, % ± sd", "95 % interval", "sd runs", "n", "ratio, % ± sd", "published")
    blocks.append(Table(headers, [_line(line) for line in task.lines]))
    full = "" if task.full is None else f"Trained on all of the data: {mean_sd(task.full.mean, task.full.sd_networks)}."
    lines = [line for line in (full, *size_lines(task.sizes, "test")) if line]
    return Section(f"task-{number}", f"{task.data}, {task.network}, {task.init} initialisation", lines, blocks)


def _curve(task: Task, measured: Sequence[Line]) -> Plotted:
    """Draw test accuracy against examples, with intervals, what is published, and the accuracy on all data."""
    points = [(line.examples or 0, 100 * line.test.mean, line) for line in measured if line.test is not None]
    published = [
        (amount, 100 * mean) for amount, _, line in points if (mean := published_mean(line.published)) is not None
    ]
    bounds = [interval(line.test) for line in measured]
    values = [value for _, value, _ in points] + [value for _, value in published]
    values += [100 * value for both in bounds if both for value in both] + ([100 * task.full.mean] if task.full else [])
    amounts = [amount for amount, _, _ in points]
    plot = Plot(
        axis_over("distilled examples", amounts, log=max(amounts) > 8 * min(amounts), whole=True),
        axis_over("accuracy, % (test)", values),
        f"test accuracy of {len(points)} runs against their number of distilled examples",
    )
    if task.full is not None:
        plot.level(100 * task.full.mean, f"all of the data: {percent(task.full.mean)}")
    plot.line([(amount, value) for amount, value, _ in points], "best")
    for (amount, value, line), both in zip(points, bounds, strict=True):
        if both is not None:
            plot.whisker(amount, 100 * both[0], 100 * both[1], "best")
        plot.dot(amount, value, f"{line.name}, {amount} examples: {value:.2f}", "best")
    for amount, value in published:
        plot.dot(amount, value, f"published, {amount} examples: {value:.2f}", "two")
    key = [("best", "measured, 95 % interval"), ("two", "published")] + (
        [("mark", "all of the data")] if task.full else []
    )
    return Plotted(plot.svg(), "Test accuracy against the number of distilled examples.", key=key)


def _line(line: Line) -> list[str]:
    test, share = line.test, line.ratio
    examples = "-" if line.examples is None else f"{line.examples:,}"
    mean = mean_sd(test.mean, test.sd_networks) if test else "-"
    sure = (percents(interval(test)), percent(test.sd_groups if test else None), f"{test.n:,}" if test else "0")
    ratio = mean_sd(share.value, share.sd_networks) if share else "-"
    return [line.folder, examples, mean, *sure, ratio, line.published or "-"]

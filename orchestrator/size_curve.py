"""Several runs as a curve: accuracy against the number of distilled examples, its share of the full-data accuracy, and the sizes.

The papers' figure of accuracy against images is such a table, a run a point.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.distillation_ratio import Point, Ratio, Size, ratio, sizes
from orchestrator.estimate import Estimate
from orchestrator.figures import mean_sd, percent
from orchestrator.place import Place
from orchestrator.report import size_lines
from orchestrator.run_files import read_run
from orchestrator.summary import Summary, summary

__all__ = ["Line", "Task", "render_tasks", "size_curve", "tasks_plain"]


@dataclass(frozen=True)
class Line:
    """A run: its best trial's examples and test accuracy, `None` while there are none, and what is published."""

    folder: str
    name: str
    examples: int | None
    test: Estimate | None
    ratio: Ratio | None
    published: str | None


@dataclass(frozen=True)
class Task:
    """Runs on one data set with one network and kind of initialisation, by the number of their examples, with their sizes.

    ``full`` is the accuracy on the whole data, of the first of the runs that measured it.
    """

    data: str
    network: str
    init: str
    full: Estimate | None
    lines: tuple[Line, ...]
    sizes: tuple[Size, ...]


def size_curve(folders: Sequence[Place]) -> tuple[Task, ...]:
    """Return the runs in ``folders`` by task. Raises what `summary` raises."""
    tasks: dict[tuple[str, str, str], list[Summary]] = {}
    for folder in folders:
        recipe, found = read_run(folder).sweep.recipe, summary(folder)
        network = found.headline.network if found.headline else recipe.network
        tasks.setdefault((recipe.data, network, recipe.init), []).append(found)
    return tuple(_task(*key, found) for key, found in tasks.items())


def tasks_plain(tasks: Sequence[Task]) -> dict[str, Any]:
    """Return them as plain JSON values; the keys are the fields of `Task` and its parts."""
    return {"version": 1, "tasks": json.loads(json.dumps([asdict(task) for task in tasks]))}


def render_tasks(tasks: Sequence[Task], console: Console) -> None:
    """Print a table for each task."""
    for task in tasks:
        console.print(Text(f"{task.data}, {task.network}, {task.init} initialisation", style="bold"))
        console.print(_table(task))
        for line in _lines(task):
            console.print(Text(line))
        console.print()


def _task(data: str, network: str, init: str, found: Sequence[Summary]) -> Task:
    measured = (each.accuracy for one in found for each in one.full if each.network == network)
    full = next(measured, None)
    lines = sorted((_line(each, full) for each in found), key=lambda line: (line.examples or 0, line.folder))
    points = [Point(each.examples, each.test.mean, each.folder) for each in lines if each.examples and each.test]
    return Task(data, network, init, full, tuple(lines), sizes(points, full))


def _line(found: Summary, full: Estimate | None) -> Line:
    headline = found.headline
    examples, test = (headline.examples, headline.test) if headline else (None, None)
    published = None if found.published is None else found.published["accuracy"]
    return Line(found.folder, found.name, examples, test, ratio(test, full), published)


def _table(task: Task) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="dim")
    table.add_column("run", overflow="fold")
    for header in ("examples", "test ± sd", "sd runs", "n", "ratio ± sd", "published"):
        table.add_column(header, justify="right", no_wrap=True)
    for line in task.lines:
        table.add_row(Text(line.folder), *_cells(line), Text(line.published or "-"))
    return table


def _cells(line: Line) -> tuple[str, ...]:
    test, share = line.test, line.ratio
    return (
        "-" if line.examples is None else f"{line.examples:,}",
        mean_sd(test.mean, test.sd_networks) if test else "-",
        percent(test.sd_groups if test else None),
        f"{test.n:,}" if test else "0",
        mean_sd(share.value, share.sd_networks) if share else "-",
    )


def _lines(task: Task) -> list[str]:
    if task.full is None:
        return ["no ratio: none of these runs trains on the whole data, which full_data: in a sweep asks for"]
    full = f"full data: {mean_sd(task.full.mean, task.full.sd_networks)} over {task.full.n}; ratio: % of it"
    return [full, *size_lines(task.sizes, "test")]

"""The Pareto front of a run on a screen: what accuracy each number of examples and of operations buys."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from orchestrator.figures import chosen, mean_sd
from orchestrator.summary import Summary

__all__ = ["front_table"]


def front_table(summary: Summary) -> Table:
    """Return the front's trials by falling accuracy, each with its other objectives; ± is the standard error."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="dim")
    for header in ("trial", "mean ± se", *summary.objectives[1:]):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("params", overflow="fold")
    trials = {trial.trial: trial for trial in summary.trials}
    for number in summary.front:
        trial = trials[number]
        if trial.accuracy is None or trial.objectives is None:
            continue
        costs = [f"{value:,.0f}" for value in trial.objectives[1:]]
        table.add_row(str(number), mean_sd(trial.accuracy.mean, trial.accuracy.se), *costs, Text(chosen(trial.params)))
    return table

"""How far the winner is ahead of the runner-up, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.figures import percent, point_range, points
from orchestrator.runner_up import RunnerUp

__all__ = ["runner_up_rows"]


def runner_up_rows(second: RunnerUp | None) -> Iterator[tuple[str, ...]]:
    """Yield the cells name, difference, sd over runs, standard error, n, and a row with the interval."""
    if second is None:
        return
    ahead = second.ahead
    where = "" if second.split == "test" else f", {second.split}"
    label = f"ahead of trial {second.trial}, the next{where}"
    yield label, points(ahead.mean), percent(ahead.sd_groups), percent(ahead.se), f"{ahead.n:,}"
    if second.low is not None and second.high is not None:
        yield "  95 % interval, paired", point_range((second.low, second.high)), "", "", ""

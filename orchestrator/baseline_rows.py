"""The baselines of a run as rows of a table: how each was set, its accuracy, what was published."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.baseline_plan import NEIGHBOURS
from orchestrator.figures import count, mean_sd, number, percent, points
from orchestrator.measurement import Baseline

__all__ = ["about_baseline", "baseline_rows"]


def baseline_rows(baselines: tuple[Baseline, ...], network: str | None) -> Iterator[tuple[str, ...]]:
    """Yield the cells name, mean ± sd, sd over draws, standard error, n: a row a baseline, and one or two about it.

    ``network`` is what the table is about; another one is named.
    """
    for baseline in baselines:
        accuracy = baseline.accuracy
        mean = mean_sd(accuracy.mean, accuracy.sd_networks)
        yield (
            about_baseline(baseline, network),
            mean,
            percent(accuracy.sd_groups),
            percent(accuracy.se),
            f"{accuracy.n:,}",
        )
        if baseline.margin is not None:
            yield "  fresh mean above it, points", points(baseline.margin), "", percent(baseline.margin_se), ""
        if baseline.published is not None:
            yield "  published", baseline.published, "", "", ""


def about_baseline(baseline: Baseline, network: str | None) -> str:
    """Say what a baseline is and how it was set; its network where that is not ``network``."""
    parts = [baseline.name]
    parts += [baseline.way] if baseline.way is not None else []
    parts += [f"rate {number(baseline.rate)}"] if baseline.rate is not None and baseline.way is None else []
    if baseline.neighbours is not None:
        parts += [count(baseline.neighbours, "neighbour"), f"p {number(baseline.norm)}"]
    parts.append(count(baseline.accuracy.groups, "draw"))
    return ", ".join([*parts, *([] if baseline.network in (network, NEIGHBOURS) else [baseline.network])])

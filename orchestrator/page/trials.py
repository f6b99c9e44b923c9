"""The trials: the best of them with their intervals, and by how much the winner is ahead, network by network."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.estimate import Estimate
from orchestrator.figures import clock, count, mean_sd, number, percent, percents, points
from orchestrator.interval import interval
from orchestrator.page.blocks import Block, Section, Table
from orchestrator.page.findings import Findings
from orchestrator.summary import Trial

__all__ = ["trials"]

SHOWN = 20
_BEST = "Which recipes were best, and how sure is that?"
_RECIPE = "What is the best recipe, key by key?"
_AHEAD = "By how much is the best trial ahead of the others, network by network?"
_RUNS = "What did each distillation run come to?"
_OTHERS = "How does the set do with other networks, and trained in other ways?"


def trials(found: Findings) -> Section | None:
    """Return the section, `None` where no trial has ended."""
    every = found.summary.trials
    if not every:
        return None
    blocks: list[Block] = [_best(found)]
    blocks += _recipe(found) + _ahead(found) + _runs(found) + _others(found)
    complete = any(trial.status == "complete" for trial in every)
    return Section("trials", "The best trials" if complete else "The trials", [], blocks)


def _best(found: Findings) -> Table:
    every = found.summary.trials
    names = list(dict.fromkeys(name for trial in every for name in (trial.params or {})))
    headers = [
        "trial",
        "status",
        "accuracy, % ± sd",
        "95 % interval",
        "se",
        "n",
        *names,
        "examples",
        "outer steps",
        "device time",
    ]
    rest = len(every) - SHOWN
    note = f"By accuracy on validation. And {count(rest, 'trial')} more." if rest > 0 else "By accuracy on validation."
    return Table(
        headers, [_row(trial, names) for trial in every[:SHOWN]], found.source(_BEST), words=2, note=note
    ).trimmed()


def _row(trial: Trial, names: Sequence[str]) -> list[str]:
    status = trial.status if trial.cause in (None, trial.status) else f"{trial.status}: {trial.cause}"
    chosen = [number((trial.params or {}).get(name)) for name in names]
    examples = "-" if trial.examples is None else f"{trial.examples:,}"
    costs = (f"{trial.outer_steps:,}", clock(trial.device_seconds))
    return [str(trial.trial), status, *spread(trial.accuracy), *chosen, examples, *costs]


def spread(accuracy: Estimate | None) -> tuple[str, str, str, str]:
    """Return the cells mean ± sd, interval, standard error, n."""
    if accuracy is None:
        return "-", "-", "-", "0"
    mean = mean_sd(accuracy.mean, accuracy.sd_networks)
    return mean, percents(interval(accuracy)), percent(accuracy.se), f"{accuracy.n:,}"


def _recipe(found: Findings) -> list[Block]:
    rows = [(row["key"], row["value"] or "-") for row in found.answer(_RECIPE)]
    title = "The winner's whole recipe"
    return [Table(("key", "value"), rows, found.source(_RECIPE), words=2, title=title, folded=True)] if rows else []


def _ahead(found: Findings) -> list[Block]:
    rows = [
        (
            str(row["trial"]),
            points(row["ahead"]),
            points(row["low"]),
            points(row["high"]),
            percent(row["se"]),
            f"{row['pairs']:,}",
        )
        for row in found.answer(_AHEAD)
    ]
    if not rows:
        return []
    headers = ("trial", "winner ahead, points", "low", "high", "se", "pairs")
    note = "Differences on the same initialisations, with their 95 % interval; one that holds 0 is not settled."
    note += f" The {SHOWN} nearest." if len(rows) == SHOWN else ""
    return [Table(headers, rows, found.source(_AHEAD), title="The winner against the other trials", note=note)]


def _runs(found: Findings) -> list[Block]:
    """Return the final by distillation run, where there are several."""
    rows = [
        (str(m.trial), m.network, m.phase, str(run.run), *spread(run.accuracy), percent(run.accuracy_before))
        for m in found.summary.finals
        if len(m.by_run) > 1
        for run in m.by_run
    ]
    if not rows:
        return []
    headers = ("trial", "network", "phase", "run", "accuracy, % ± sd", "95 % interval", "se", "n", "before")
    note = "Run 0 is what the search chose by; the others are distilled anew from the same recipe."
    return [Table(headers, rows, found.source(_RUNS), words=3, title="By distillation run, test", note=note)]


def _others(found: Findings) -> list[Block]:
    measured = [*found.summary.finals, *found.summary.full, *found.summary.other]
    own = found.headline and (found.headline.phase, found.headline.trial, found.headline.network)
    rows = [
        (
            str(m.trial) if m.trial >= 0 else "-",
            m.network,
            m.phase,
            m.way or "own",
            *spread(m.accuracy),
            percent(m.accuracy_before),
        )
        for m in measured
        if (m.phase, m.trial, m.network) != own
    ]
    if not rows:
        return []
    headers = ("trial", "network", "phase", "way", "accuracy, % ± sd", "95 % interval", "se", "n", "before")
    return [Table(headers, rows, found.source(_OTHERS), words=4, title="Measured besides, test")]

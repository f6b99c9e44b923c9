"""Show a run's figures on a screen, as tables; `orchestrator.summary` computes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.baseline_plan import NEIGHBOURS
from orchestrator.baseline_rows import baseline_rows
from orchestrator.distillation_ratio import Size
from orchestrator.estimate import Estimate
from orchestrator.figures import chosen, clock, count, mean_sd, percent, percents, point_range, points, tally
from orchestrator.front_table import front_table
from orchestrator.measurement import AttackMeans, Measurement, phase_parts
from orchestrator.runner_up_rows import runner_up_rows
from orchestrator.summary import Headline, Summary, Trial, summary, to_json

__all__ = ["Summary", "protocol", "render", "size_lines", "summary", "to_json"]

_TRIALS_SHOWN = 10
_KEYS_SHOWN = 5
_LEGEND = (
    "Accuracies in %. After ±: standard deviation over networks, within a run; sd runs: over distillation runs (of a baseline: "
    "over draws); se: standard error of the mean; n: networks; -: not measured, or one value has no sd."
)


def render(summary: Summary, console: Console) -> None:
    """Print the figures of a run as tables no wider than the console, what matters most last."""
    console.print(Text.assemble((summary.name, "bold"), (f"  {summary.folder}", "dim")))
    if summary.about:
        console.print(Text(summary.about, style="dim"))
    for line in _standing(summary):
        console.print(Text(line))
    for title, table in _tables(summary):
        console.print()
        console.print(Text(title, style="bold"))
        console.print(table)
    if summary.headline is not None:
        _render_headline(summary, summary.headline, console)
    elif summary.baselines:
        _render_baselines(summary, console)
    else:
        for line in _nothing(summary):
            console.print(Text(line))


def _nothing(summary: Summary) -> list[str]:
    """Return why there is nothing to compare, and what helps where all trials have ended so."""
    if not summary.trials_total:
        return ["No baseline is measured whole, so there is nothing to compare yet."]
    if summary.stage == "search" or not summary.statuses:
        return ["No trial is complete, so there is nothing to compare yet."]
    ends = " or ".join(summary.statuses)
    lines = [f"All trials {ends}, so there is nothing to compare."]
    if "diverged" in summary.statuses:
        lines.append("Against diverging: a smaller distill_lr or outer_lr, or a limit to the gradient with outer_clip.")
    if "failed" in summary.statuses:
        lines.append(
            "Of those that failed, each cause is above with an example; mend it, then: "
            f"stillhouse resume {summary.folder} --retry-failed"
        )
    return lines


def _tables(summary: Summary) -> Iterator[tuple[str, Table]]:
    if summary.trials:
        yield "Trials, by accuracy on validation", _trials(summary.trials)
    if summary.front:
        yield "Pareto front: no trial is better in one of these and as good in the others", front_table(summary)
    if summary.full:
        yield "Networks trained on the whole data", _measurements(summary.full)
    if summary.other:
        yield "Measured beside the sweep, test split", _others(summary.other)
    if summary.finals:
        yield "Final: fresh networks, test split", _measurements(summary.finals)
    if any(len(measurement.by_run) > 1 for measurement in summary.finals):
        yield "The same by distillation run; run 0 is the search's own", _runs(summary.finals)
    attacks = [(f"trial {m.trial}, {m.network}", m.attack) for m in summary.finals if m.attack is not None]
    attacks += [(f"{b.name}, {b.network}", b.attack) for b in summary.baselines if b.attack is not None]
    if attacks:
        yield "Attack: shares of test examples, by their true labels", _attacks(attacks)


def _standing(summary: Summary) -> list[str]:
    """Return lines that say how far the run is, what it cost, and what went wrong."""
    finished = sum(summary.statuses.values())
    ended = f" ({tally(summary.statuses)})" if summary.statuses else ""
    trained = count(summary.networks, "network")
    lines = [
        f"stage {summary.stage}: {finished:,} of {count(summary.trials_total, 'trial')} finished{ended}, {trained} trained"
    ]
    lines += [
        f"search{f' of final/{k}' if k > 1 else ''} ended by {key}, which was spent after {count(trials, 'trial')}"
        for k, (key, trials) in enumerate(zip(summary.ended, summary.budgets, strict=True), 1)
        if key is not None
    ]
    if summary.spared is not None:
        lines.append(summary.spared.told())
    lines.append(_cost(summary))
    for cause, amount in summary.failures.items():
        example = next(t for t in summary.trials if t.status == "failed" and (t.cause or "unknown") == cause)
        lines.append(
            f"failed by {cause}: {count(amount, 'trial')}, such as {example.trial}: {_first_line(example.error)}"
        )
    if summary.failed_attempts:
        lines.append(f"failed attempts, tried again where that helps: {tally(summary.failed_attempts)}")
    diverged = [f"trial {trial.trial}" for trial in summary.trials if trial.status == "diverged"]
    diverged += [
        f"trial {trial} in run {run} of the final" if trial >= 0 else f"learned_labels of trial {run}"
        for trial, run in summary.diverged_runs
    ]
    rest = len(diverged) - _TRIALS_SHOWN
    named = ", ".join(diverged[:_TRIALS_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")
    return lines + ([f"diverged: {count(len(diverged), 'distillation')}: {named}"] if diverged else [])


def _cost(summary: Summary) -> str:
    cost = summary.cost
    parts = {"search": cost.search, "final": cost.final, "baselines": cost.baselines, "other": cost.other}
    shares = ", ".join(f"{name} {clock(seconds)}" for name, seconds in parts.items() if seconds)
    wall = "" if cost.wall is None else f", {clock(cost.wall)} on the clock"
    return f"cost: {clock(cost.devices)} of devices{wall}{f'; {shares}' if shares else ''}"


def _trials(trials: Sequence[Trial]) -> Table:
    table = _table("trial", "mean ± sd", "se", "n", "outer\nsteps", "device\nseconds")
    _add_left(table, "status", "params")
    for trial in trials[:_TRIALS_SHOWN]:
        mean, _, se, n = _spread(trial.accuracy)
        status = trial.status if trial.cause in (None, trial.status) else f"{trial.status}: {trial.cause}"
        cells = (str(trial.trial), mean, se, n, f"{trial.outer_steps:,}", f"{trial.device_seconds:,.0f}", Text(status))
        table.add_row(*cells, Text(chosen(trial.params)))
    if len(trials) > _TRIALS_SHOWN:
        table.add_row(*[""] * 7, f"and {count(len(trials) - _TRIALS_SHOWN, 'trial')} more")
    return table


def _measurements(measurements: Sequence[Measurement]) -> Table:
    table = _table("trial", "runs", "mean ± sd", "sd runs", "se", "n", "before")
    _add_left(table, "split", "network", "phase")
    for m in measurements:
        about = (Text(m.split), Text(m.network), Text(m.phase))
        runs = ", ".join(str(run) for run in m.runs)
        table.add_row(str(m.trial), runs, *_spread(m.accuracy), percent(m.accuracy_before), *about)
    return table


def _others(measurements: Sequence[Measurement]) -> Table:
    table = _table("trial", "mean ± sd", "se", "n", "before")
    _add_left(table, "network", "way")
    for m in measurements:
        mean, _, se, n = _spread(m.accuracy)
        way = m.way or ("own" if phase_parts(m.phase)[0] == "extra" else m.phase)
        table.add_row(str(m.trial), mean, se, n, percent(m.accuracy_before), Text(m.network), Text(way))
    return table


def _runs(measurements: Sequence[Measurement]) -> Table:
    table = _table("trial", "run", "mean ± sd", "se", "n", "before")
    _add_left(table, "network", "phase")
    for m in measurements:
        for figures in m.by_run:
            mean, _, se, n = _spread(figures.accuracy)
            before = percent(figures.accuracy_before)
            table.add_row(str(m.trial), str(figures.run), mean, se, n, before, Text(m.network), Text(m.phase))
    return table


def _attacks(attacks: Sequence[tuple[str, AttackMeans]]) -> Table:
    table = _table("taken for\nthe target", "overall\naccuracy")
    _add_left(table, "accuracy by class", "trained on")
    for name, attack in attacks:
        by_class = " ".join(f"{100 * share:.1f}" for share in attack.class_accuracies)
        table.add_row(percent(attack.attack_share), percent(attack.overall_accuracy), Text(by_class), Text(name))
    return table


def _render_headline(summary: Summary, headline: Headline, console: Console) -> None:
    console.print()
    console.print(Text(f"Trial {headline.trial}, the best on validation, with {headline.network}", style="bold"))
    console.print(_headline(summary, headline))
    # The name's beginning and a star: short enough for a line, and a shell finds the file by it.
    sets = [f"distilled set: {summary.folder}/{path[:22]}*{path[-8:]}" for path in headline.distilled]
    several = len({trial.examples for trial in summary.trials if trial.status == "complete"}) > 1
    for line in protocol(summary, headline) + (size_lines(summary.sizes, "validation") if several else []) + sets:
        console.print(Text(line))
    console.print(Text(_LEGEND, style="dim"))


def _render_baselines(summary: Summary, console: Console) -> None:
    """Print what was measured with nothing distilled, or with no trial complete."""
    table = _table("", "mean ± sd", "sd draws", "se", "n")
    table.columns[0].justify, table.columns[0].no_wrap = "left", False
    network = next((each.network for each in summary.baselines if each.network != NEIGHBOURS), "no network")
    for cells in baseline_rows(summary.baselines, network):
        table.add_row(*map(Text, cells))
    console.print()
    console.print(Text(f"Baselines with {network}, test split", style="bold"))
    console.print(table)
    lines = ["measured: each at the rate, or the neighbours and the norm, that validation chose"]
    for line in [*lines, *_quoted(summary)]:
        console.print(Text(line))
    console.print(Text(_LEGEND, style="dim"))


def _quoted(summary: Summary) -> list[str]:
    """Return lines on the published figures, and on whether this is the sweep that they are held against."""
    published = summary.published
    doubt = "" if published is None or published["checked"] else " (quoted from memory, not compared with the paper)"
    lines = [f"published{doubt}: {published['source']}"] if published is not None else []
    return lines + ([_altered(summary)] if summary.altered else [])


def _headline(summary: Summary, headline: Headline) -> Table:
    table = _table("", "mean ± sd", "sd runs", "se", "n")
    table.columns[0].justify, table.columns[0].no_wrap = "left", False
    table.add_row("search mean, validation", *_spread(headline.validation))
    table.add_row(Text("fresh mean, test", style="bold green"), *_spread(headline.test))
    table.add_row("  95 % interval", percents(headline.test_interval))
    table.add_row("optimism (search - fresh), points", points(headline.optimism))
    table.add_row("  95 % interval", point_range(headline.optimism_interval))
    for cells in runner_up_rows(headline.runner_up):
        table.add_row(*cells)
    table.add_row("before training, test", percent(headline.accuracy_before))
    for cells in baseline_rows(summary.baselines, headline.network):
        table.add_row(*map(Text, cells))
    if headline.ratio is not None:
        table.add_row("full data, test", *_spread(headline.ratio.full))
        ratio, sd_runs = headline.ratio, percent(headline.ratio.sd_groups)
        cells = (mean_sd(ratio.value, ratio.sd_networks), sd_runs, percent(ratio.se))
        table.add_row("distillation ratio, % of full data", *cells)
    if summary.published is not None and summary.published["accuracy"] is not None:
        table.add_row("published", Text(summary.published["accuracy"]))
    return table


def protocol(summary: Summary, headline: Headline) -> list[str]:
    """Return lines that say how the figures came about."""
    lines = []
    if headline.test is None:
        lines.append(
            "measured: on validation alone, where the best of several is too good; nothing of the final is there yet"
        )
    else:
        seen = "that it was distilled for" if headline.init == "fixed" else "that the search never saw"
        runs = f"{'run' if len(headline.runs) == 1 else 'runs'} {', '.join(str(run) for run in headline.runs)}"
        lines.append(f"measured: {runs} on the test split, on initialisations {seen}; trial chosen on validation")
    if summary.attack is not None:
        wanted = f"class {summary.attack['class']} is right where it is taken for class {summary.attack['target']}"
        lines.append(f"accuracy is by the labels that the attack wants: {wanted}")
    lines += _quoted(summary)
    raised = enumerate(pairwise(summary.budgets), 2)
    lines += [f"final/{k}: another final, for the budget was raised from {a} to {b} trials" for k, (a, b) in raised]
    return lines


def size_lines(sizes: Sequence[Size], split: str) -> list[str]:
    """Return a line with the least number of distilled examples for each share of the full-data accuracy."""
    told = [
        f"{100 * size.share:.0f} %: {f'{size.examples:,} ({size.name})' if size.examples else 'none'}" for size in sizes
    ]
    return [f"examples that give a share of the full-data accuracy, on {split}: {', '.join(told)}"] if told else []


def _altered(summary: Summary) -> str:
    shown, rest = summary.altered[:_KEYS_SHOWN], len(summary.altered) - _KEYS_SHOWN
    keys = ", ".join(shown) + (f" and {count(rest, 'key')} more" if rest > 0 else "")
    other = "; what is published is of another recipe" if summary.published is not None else ""
    return f"altered: this sweep differs from the shipped {summary.name} in {keys}{other}"


def _table(*headers: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="dim")
    for header in headers:
        table.add_column(header, justify="right", no_wrap=True)
    return table


def _add_left(table: Table, *headers: str) -> None:
    for header in headers:
        long = header in ("params", "network", "accuracy by class", "trained on", "way")
        table.add_column(header, no_wrap=not long, overflow="fold" if long else "ellipsis")


def _spread(accuracy: Estimate | None) -> tuple[str, str, str, str]:
    """Return the cells mean ± sd over networks, sd over groups, standard error, n."""
    if accuracy is None:
        return "-", "-", "-", "0"
    mean = mean_sd(accuracy.mean, accuracy.sd_networks)
    return mean, percent(accuracy.sd_groups), percent(accuracy.se), f"{accuracy.n:,}"


def _first_line(text: str | None) -> str:
    return next((line.strip() for line in (text or "").splitlines() if line.strip()), "no message")

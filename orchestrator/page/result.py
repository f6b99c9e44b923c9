"""The result: the winner on fresh networks beside the baselines, the whole data and what is published."""

from __future__ import annotations

import math
from collections.abc import Iterator

from orchestrator.baseline_plan import NEIGHBOURS
from orchestrator.baseline_rows import about_baseline
from orchestrator.estimate import Estimate
from orchestrator.figures import mean_sd, percent, percents, point_range, points
from orchestrator.headline import Headline
from orchestrator.interval import difference_interval, interval
from orchestrator.measurement import Baseline
from orchestrator.page.axis import axis_over, names_axis
from orchestrator.page.blocks import Block, Plotted, Section, Table
from orchestrator.page.findings import Findings
from orchestrator.page.plot import Plot
from orchestrator.page.verdict import published_mean
from orchestrator.report import protocol

__all__ = ["result"]

_MEASURED = ("", "accuracy, % ± sd", "95 % interval", "sd runs", "se", "n")
_HEADERS = (*_MEASURED, "winner ahead, points", "its se", "its 95 % interval", "published, %")
_FRESH = "How well do fresh networks do on the test split, with both spreads?"
_WHOLE = "How near does it come to training on all of the data?"
_SECOND = "Is the winner better than the runner-up, on networks that neither was chosen by?"
_LEGEND = (
    "After ±: standard deviation over networks, within a run; sd runs: over distillation runs, of a baseline over draws; "
    "se: standard error of the mean; n: networks. Intervals are Student's t, where there are several runs or draws at their "
    "degrees of freedom, so that two or three runs make wide ones; those of the winner ahead are Welch's."
)
_PLOT_HEIGHT, _ROW_HEIGHT = 60, 26
_Row = tuple[str, ...]


def result(found: Findings) -> Section | None:
    """Return the section, `None` where nothing is measured yet."""
    blocks: list[Block] = []
    if found.headline is not None or found.summary.baselines:
        rows = [*_own(found), *_baselines(found), *_whole(found)]
        blocks.append(Table(_HEADERS, rows, found.source(_FRESH), note=_LEGEND).trimmed())
    blocks += _second(found) + _ratio(found)
    drawn = _drawn(found)
    blocks += [drawn] if drawn is not None else []
    lines = protocol(found.summary, found.headline) if found.headline is not None else []
    return Section("result", "The result", lines, blocks) if blocks else None


def _own(found: Findings) -> Iterator[_Row]:
    headline, published = found.headline, found.summary.published
    if headline is None:
        return
    quoted = published["accuracy"] if published is not None and published["accuracy"] is not None else "-"
    if headline.test is not None:
        yield _row(f"trial {headline.trial}, fresh networks, test", headline.test, published=quoted)
    else:
        yield ("fresh networks, test: not measured yet", *["-"] * 8, quoted)
    yield _row(f"trial {headline.trial}, search, validation", headline.validation, headline.test)
    if headline.accuracy_before is not None:
        yield ("before training, test", percent(headline.accuracy_before), *["-"] * 8)


def _baselines(found: Findings) -> Iterator[_Row]:
    network = found.headline.network if found.headline else None
    for each in found.summary.baselines:
        beaten = None if each.margin is None else found.winner(each.network)
        yield _row(about_baseline(each, network), each.accuracy, beaten, each.published or "-")


def _whole(found: Findings) -> Iterator[_Row]:
    if found.headline is not None and found.headline.ratio is not None:
        yield _row("all of the training data, test", found.headline.ratio.full, found.headline.test)


def _row(what: str, accuracy: Estimate, winner: Estimate | None = None, published: str = "-") -> _Row:
    spread = mean_sd(accuracy.mean, accuracy.sd_networks)
    sure = (percents(interval(accuracy)), percent(accuracy.sd_groups), percent(accuracy.se), f"{accuracy.n:,}")
    if winner is None:
        return (what, spread, *sure, "-", "-", "-", published)
    error = None if winner.se is None or accuracy.se is None else math.hypot(winner.se, accuracy.se)
    bounds = difference_interval(winner, accuracy)
    ahead = (points(winner.mean - accuracy.mean), percent(error), point_range(bounds))
    return (what, spread, *sure, *ahead, published)


def _second(found: Findings) -> list[Block]:
    """Return how the winner stands to the runner-up on fresh networks, where the final has measured both."""
    by = found.headline.runner_up if found.headline else None
    if by is None or by.split != "test":
        return []
    bounds = None if by.low is None or by.high is None else (by.low, by.high)
    runs = f"{len(by.runs):,}"
    row = (
        f"trial {by.trial}",
        points(by.ahead.mean),
        point_range(bounds),
        percent(by.ahead.se),
        f"{by.ahead.n:,}",
        runs,
    )
    headers = ("runner-up", "winner ahead, points", "95 % interval", "se", "pairs", "runs")
    note = "On fresh networks and the test split, the same for both, run by run."
    return [Table(headers, [row], found.source(_SECOND), title="Against the runner-up", note=note)]


def _ratio(found: Findings) -> list[Block]:
    ratio = found.headline.ratio if found.headline else None
    if ratio is None:
        return []
    row = (
        mean_sd(ratio.value, ratio.sd_networks),
        percent(ratio.sd_groups),
        percent(ratio.se),
        percent(ratio.full.mean),
    )
    headers = ("distillation ratio, % ± sd", "sd runs", "se", "all data, %")
    note = "The winner's accuracy over that of the same network trained on all of the training data."
    return [Table(headers, [row], found.source(_WHOLE), words=0, title="Beside all of the data", note=note)]


def _drawn(found: Findings) -> Plotted | None:
    """Draw all that is measured on the test split, the winner first, each with its interval."""
    measured = _measured(found)
    if len(measured) < 2:
        return None
    bounds = [interval(accuracy) for _, accuracy, _ in measured]
    published = published_mean(found.summary.published["accuracy"] if found.summary.published else None)
    shown = [accuracy.mean for _, accuracy, _ in measured] + [value for both in bounds if both for value in both]
    x = axis_over("accuracy, %", [100 * value for value in [*shown, *([published] if published else [])]])
    names = names_axis("", [name for name, _, _ in reversed(measured)])
    height = _PLOT_HEIGHT + _ROW_HEIGHT * len(measured)
    plot = Plot(x, names, "accuracy on the test split with its 95 % interval", height)
    if published is not None:
        plot.mark(100 * published, f"published: {100 * published:.2f}")
    for place, ((name, accuracy, kind), both) in enumerate(zip(reversed(measured), reversed(bounds), strict=True)):
        if both is not None:
            plot.span(place, 100 * both[0], 100 * both[1], kind)
        plot.dot(100 * accuracy.mean, place, f"{name}: {percent(accuracy.mean)} ({percents(both)})", kind)
    key = [("mark", "published")] if published is not None else []
    return Plotted(plot.svg(), "Test accuracy and its 95 % interval.", found.source(_FRESH), key)


def _measured(found: Findings) -> list[tuple[str, Estimate, str]]:
    headline = found.headline
    measured = [] if headline is None or headline.test is None else [(f"trial {headline.trial}", headline.test, "best")]
    measured += [(_named(each, headline), each.accuracy, "one") for each in found.summary.baselines]
    if headline is not None and headline.ratio is not None:
        measured.append(("all data", headline.ratio.full, "two"))
    return measured


def _named(baseline: Baseline, headline: Headline | None) -> str:
    """Return the name of a baseline, with its network where that is not the headline's."""
    other = headline is not None and baseline.network not in (headline.network, NEIGHBOURS)
    return baseline.name.replace("_", " ") + (f", {baseline.network}" if other else "")

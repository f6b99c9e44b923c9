"""The result: the winner on fresh networks beside the baselines, the whole data and what is published."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.baseline_rows import about_baseline
from orchestrator.estimate import Estimate
from orchestrator.figures import mean_sd, percent, points
from orchestrator.interval import interval
from orchestrator.page.axis import axis_over, names_axis
from orchestrator.page.blocks import Block, Plotted, Section, Table
from orchestrator.page.findings import Findings
from orchestrator.page.plot import Plot
from orchestrator.page.verdict import between, published_mean
from orchestrator.report import protocol

__all__ = ["result"]

_HEADERS = ("", "accuracy, % ± sd", "95 % interval", "sd runs", "se", "n", "winner ahead, points")
_FRESH = "How well do fresh networks do on the test split, with both spreads?"
_WHOLE = "How near does it come to training on all of the data?"
_Row = tuple[str, ...]


def result(found: Findings) -> Section | None:
    """Return the section, `None` where nothing is measured yet."""
    blocks: list[Block] = []
    if found.headline is not None:
        blocks.append(Table(_HEADERS, list(_rows(found)), found.source(_FRESH), note=_LEGEND))
    elif found.summary.baselines:
        blocks.append(Table(_HEADERS[:-1], [row[:-1] for row in _baselines(found)], found.source(_FRESH), note=_LEGEND))
    blocks += _ratio(found)
    drawn = _drawn(found)
    blocks += [drawn] if drawn is not None else []
    lines = protocol(found.summary, found.headline) if found.headline is not None else []
    return Section("result", "The result", lines, blocks) if blocks else None


_LEGEND = (
    "After ±: standard deviation over networks, within a run; sd runs: over distillation runs, of a baseline over draws; "
    "se: standard error of the mean; n: networks; intervals by Student's t."
)


def _rows(found: Findings) -> Iterator[_Row]:
    headline = found.headline
    assert headline is not None
    if headline.test is not None:
        yield _row(f"trial {headline.trial}, fresh networks, test", headline.test)
    else:
        yield ("fresh networks, test: not measured yet", *["-"] * 6)
    optimism = "" if headline.optimism is None else points(-headline.optimism)
    yield _row(f"trial {headline.trial}, search, validation", headline.validation, optimism)
    if headline.accuracy_before is not None:
        yield ("before training, test", percent(headline.accuracy_before), *["-"] * 5)
    yield from _baselines(found)
    yield from _references(found)


def _baselines(found: Findings) -> Iterator[_Row]:
    network = found.headline.network if found.headline else None
    for each in found.summary.baselines:
        yield _row(about_baseline(each, network), each.accuracy, points(each.margin))
        if each.published is not None:
            yield (f"published for {each.name}", each.published, *["-"] * 5)


def _references(found: Findings) -> Iterator[_Row]:
    headline, published = found.headline, found.summary.published
    assert headline is not None
    if headline.ratio is not None:
        ahead = points(headline.test.mean - headline.ratio.full.mean) if headline.test else "-"
        yield _row("all of the training data, test", headline.ratio.full, ahead)
    if published is not None and published["accuracy"] is not None:
        mean = published_mean(published["accuracy"])
        ahead = points(headline.test.mean - mean) if headline.test is not None and mean is not None else "-"
        yield ("published", published["accuracy"], "-", "-", "-", "-", ahead)


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


def _row(what: str, accuracy: Estimate, ahead: str = "-") -> _Row:
    spread = mean_sd(accuracy.mean, accuracy.sd_networks)
    sure = (between(interval(accuracy)), percent(accuracy.sd_groups), percent(accuracy.se))
    return (what, spread, *sure, f"{accuracy.n:,}", ahead or "-")


def _drawn(found: Findings) -> Plotted | None:
    """Draw all that is measured on the test split, the winner first, each with its interval."""
    measured = _measured(found)
    if len(measured) < 2:
        return None
    bounds = [interval(accuracy) for _, accuracy, _ in measured]
    published = published_mean(found.summary.published["accuracy"] if found.summary.published else None)
    shown = [accuracy.mean for _, accuracy, _ in measured] + [value for both in bounds if both for value in both]
    y = axis_over("accuracy, %", [100 * value for value in [*shown, *([published] if published else [])]])
    plot = Plot(
        names_axis("", [name for name, _, _ in measured]), y, "accuracy on the test split with its 95 % interval"
    )
    if published is not None:
        plot.level(100 * published, f"published: {100 * published:.2f}")
    for place, ((name, accuracy, kind), both) in enumerate(zip(measured, bounds, strict=True)):
        if both is not None:
            plot.whisker(place, 100 * both[0], 100 * both[1], kind)
        plot.dot(place, 100 * accuracy.mean, f"{name}: {percent(accuracy.mean)} ({between(both)})", kind)
    key = [("mark", "published")] if published is not None else []
    return Plotted(plot.svg(), "Test accuracy and its 95 % interval.", found.source(_FRESH), key)


def _measured(found: Findings) -> list[tuple[str, Estimate, str]]:
    headline = found.headline
    measured = [] if headline is None or headline.test is None else [(f"trial {headline.trial}", headline.test, "best")]
    measured += [(each.name.replace("_", " "), each.accuracy, "one") for each in found.summary.baselines]
    if headline is not None and headline.ratio is not None:
        measured.append(("all data", headline.ratio.full, "two"))
    return measured

"""The answer in a sentence: which recipe won, by how much, how sure that is, what it cost."""

from __future__ import annotations

import re

from orchestrator.estimate import Estimate
from orchestrator.figures import clock, count, number, percent, percents, point_range, points, tally
from orchestrator.interval import interval
from orchestrator.page.findings import Findings
from orchestrator.runner_up import RunnerUp
from orchestrator.summary import Headline

__all__ = ["published_mean", "standing", "tiles", "verdict"]


def verdict(found: Findings) -> str:
    """Return the sentence, for any stage of a run."""
    headline, about = found.headline, found.summary
    if headline is None:
        return _nothing(found)
    who = f"Trial {headline.trial}{_chosen(found)}" if about.trials_total > 1 else "The recipe"
    where, estimate = ("on the test split", headline.test) if headline.test else ("on validation", headline.validation)
    attack = about.attack
    where += "" if attack is None else f", where class {attack['class']} shall be taken for class {attack['target']}"
    verb = "wins" if about.trials_total > 1 else "is measured"
    if len(about.objectives) > 1:
        verb = f"is the most accurate of {count(len(about.front), 'trial')} on the Pareto front"
    if about.stage == "search" or headline.test is None or found.running:
        verb = "leads so far" if about.trials_total > 1 else verb
    parts = [f"{who} {verb}: {_fresh(headline)} {percent(estimate.mean)} % {where}{_sure(estimate)}"]
    parts += [_ahead(headline.runner_up)] if headline.runner_up is not None else []
    parts += [told for told in (_beats(found), _against_published(found)) if told]
    so_far = "So far it" if found.running else "It all"
    return "; ".join(parts) + f". {so_far} took {clock(about.cost.devices)} of device time."


def standing(found: Findings) -> str:
    """Return how far the run is: done, still going, or stopped."""
    if found.summary.stage == "done":
        return "done"
    return f"{'still going' if found.running else 'stopped'}, in stage {found.summary.stage}"


def published_mean(text: str | None) -> float | None:
    """Return the mean of a published figure such as ``82.75 ± 2.75``, as a fraction of 1; `None` for no number."""
    begun = re.match(r"\s*(\d+(?:\.\d+)?)", text or "")
    return float(begun[1]) / 100 if begun else None


def tiles(found: Findings) -> list[tuple[str, str, str]]:
    """Return the first figures to look at: what, the figure, how sure or of what."""
    headline, cost = found.headline, found.summary.cost
    wall = "" if cost.wall is None else f"{clock(cost.wall)} on the clock"
    shown = [] if headline is None else _accuracy_tiles(found, headline)
    ended = sum(found.summary.statuses.values())
    spent = found.summary.ended[-1]
    how = tally(found.summary.statuses) + (f"; no more were asked, for {spent} is spent" if spent else "")
    trials = ("trials finished", f"{ended:,} of {found.summary.trials_total:,}", how)
    return [*shown, trials, ("device time", clock(cost.devices), wall)]


def _accuracy_tiles(found: Findings, headline: Headline) -> list[tuple[str, str, str]]:
    accuracy = headline.test or headline.validation
    split = "test" if headline.test else "validation alone"
    bounds = interval(accuracy)
    sure = f"95 % interval {percents(bounds)}" if bounds else "no interval: one value"
    shown = [(f"accuracy, %, {split}", percent(accuracy.mean), f"{sure}, {count(accuracy.n, 'network')}")]
    if headline.runner_up is not None:
        by = headline.runner_up
        shown.append((f"ahead of trial {by.trial}, points", points(by.ahead.mean), f"{by.split}, {_settled(by)}"))
    published = found.summary.published
    mean = published_mean(published["accuracy"] if published else None)
    if published is not None and mean is not None and headline.test is not None:
        shown.append(
            ("against published, points", points(headline.test.mean - mean), f"published {published['accuracy']}")
        )
    return shown


def _nothing(found: Findings) -> str:
    about = found.summary
    if about.trials_total == 0:
        return "Nothing is distilled in this sweep: it measures baselines alone."
    if not about.statuses:
        return f"No trial has finished yet, of {count(about.trials_total, 'trial')}: there is nothing to compare."
    ended = tally(about.statuses)
    if sum(about.statuses.values()) < about.trials_total:
        return f"No trial is complete yet ({ended}, of {about.trials_total:,}): there is nothing to compare."
    causes = f" ({tally(about.failures)})" if about.failures else ""
    return f"No trial is complete, {ended}{causes}: there is no winner. What went wrong is below."


def _fresh(headline: Headline) -> str:
    if headline.init == "fixed":
        return f"{headline.network}, from the initialisation that it was distilled for, reaches"
    return f"freshly drawn {headline.network} networks reach"


def _sure(estimate: Estimate) -> str:
    bounds = interval(estimate)
    networks = count(estimate.n, "network")
    return f" ({networks}, so no interval)" if bounds is None else f" (95 % interval {percents(bounds)}, {networks})"


def _ahead(by: RunnerUp) -> str:
    mean = by.ahead.mean
    tie = "level with" if mean == 0 else f"{percent(abs(mean))} points {'ahead of' if mean > 0 else 'behind'}"
    return f"on {by.split} it is {tie} trial {by.trial}, the runner-up ({_settled(by)})"


def _settled(by: RunnerUp) -> str:
    if by.low is None or by.high is None:
        return "one pair, so no interval"
    told = "" if by.low > 0 else ": not settled"
    return f"95 % interval {point_range((by.low, by.high))}, {count(by.ahead.n, 'pair')}{told}"


def _beats(found: Findings) -> str:
    """Say how the winner stands to the best baseline."""
    against = [each for each in found.summary.baselines if each.margin is not None]
    if not against:
        return ""
    best = min(against, key=lambda each: each.margin or 0.0)
    above = "above" if (best.margin or 0.0) >= 0 else "below"
    bounds = found.margin_interval(best)
    sure = "" if bounds is None else f" (95 % interval {point_range(bounds)})"
    others = f", the best of {len(against)} baselines" if len(against) > 1 else ""
    return f"on test {percent(abs(best.margin or 0.0))} points {above} {best.name}{others}{sure}"


def _chosen(found: Findings) -> str:
    """Return what the search chose for the headline's trial."""
    assert found.headline is not None
    params = next((each.params for each in found.summary.trials if each.trial == found.headline.trial), None) or {}
    chosen = [f"{name} {number(value)}" for name, value in params.items() if value is not None]
    return f" ({', '.join(chosen)})" if chosen else ""


def _against_published(found: Findings) -> str:
    published, headline = found.summary.published, found.headline
    mean = published_mean(published["accuracy"] if published else None)
    if published is None or mean is None or headline is None or headline.test is None:
        return ""
    ahead = headline.test.mean - mean
    return (
        f"it is {percent(abs(ahead))} points {'above' if ahead >= 0 else 'below'} the published {published['accuracy']}"
    )

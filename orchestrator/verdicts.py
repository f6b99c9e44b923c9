"""A trial that has come to a rung or a look goes on past it, or ends there."""

from __future__ import annotations

from orchestrator.rungs import rung_series, rung_values
from orchestrator.under_way import UnderWay
from orchestrator.work import Work

__all__ = ["review"]


def review(under_way: UnderWay, work: Work) -> None:
    """Judge ``work`` where all is measured that its next rung or look asks for; each verdict is an event.

    Verdicts come of rows and of what was frozen when the trial was asked, so a driver that starts anew comes to the same ones.
    """
    if work.params is None or work.has_ended:
        return
    if work.rung is not None:
        _at_rung(under_way, work, work.rung)
    elif not work.is_distilling:
        _at_looks(under_way, work)


def _at_rung(under_way: UnderWay, work: Work, rung: int) -> None:
    trial, network = work.job.trial, work.job.recipe.network
    shards = [shard for shard in work.job.shards if shard.series == rung_series(trial, rung, network)]
    if work.snapshot is None or any(under_way.ledger.missing(s.series, s.first, s.last) for s in shards):
        return
    value, least = rung_values(under_way.ledger, trial, network, [rung])[rung], work.hurdles.least[rung]
    about = {"trial": trial, "rung": rung, "accuracy": value, "least": least}
    if value < least:
        work.verdict = "pruned"
        under_way.events.say("pruned", **about)
    else:
        # Rows of a rung first, states beyond it after: its set is not there any more to be measured.
        under_way.records.flush()
        work.pass_rung(rung)
        under_way.events.say("rung_passed", **about)


def _at_looks(under_way: UnderWay, work: Work) -> None:
    series, hurdles = work.job.shards[0].series, work.hurdles
    for look in hurdles.looks:
        if look < work.look:
            continue
        if look == hurdles.looks[-1] or under_way.ledger.missing(series, 0, look):
            return
        own, rival = under_way.ledger.in_order(series)[:look], hurdles.rival
        about = {"trial": work.job.trial, "look": look, "incumbent": rival and rival.trial}
        if rival is not None and rival.is_ahead(own):
            work.verdict = "raced_out"
            under_way.events.say("raced_out", **about)
            return
        work.look = hurdles.looks[hurdles.looks.index(look) + 1]
        under_way.events.say("look_passed", **about)

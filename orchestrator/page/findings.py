"""All that a page is made from: the figures of the run, its files' answers to SQL, whether a driver is at work on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from orchestrator.baseline_plan import NEIGHBOURS
from orchestrator.estimate import Estimate
from orchestrator.interval import difference_interval
from orchestrator.measurement import Baseline
from orchestrator.opening import Run, open_run
from orchestrator.page.blocks import Source
from orchestrator.page.questions import question
from orchestrator.place import Place
from orchestrator.query import asking
from orchestrator.records import Row
from orchestrator.status import driver_of
from orchestrator.summary import Headline, Summary, summary

__all__ = ["Findings", "findings"]


@dataclass(frozen=True)
class Findings:
    """A run's figures. ``running`` says whether a driver is at work; ``ask`` answers SQL."""

    folder: Place
    run: Run
    summary: Summary
    running: bool
    ask: Callable[[str], pa.Table]

    @property
    def headline(self) -> Headline | None:
        """The trial that validation chose."""
        return self.summary.headline

    @property
    def recipe(self) -> dict[str, Any]:
        """The sweep's recipe, of which the search replaces some keys."""
        return self.run.sweep.recipe.plain()

    def winner(self, network: str) -> Estimate | None:
        """Return what the winner's fresh networks of this kind reach; what trains none is held against those of the headline."""
        headline = self.headline
        if headline is None or headline.test is None or network in (headline.network, NEIGHBOURS):
            return None if headline is None else headline.test
        keys = (headline.phase, headline.trial, network)
        return next((m.accuracy for m in self.summary.finals if (m.phase, m.trial, m.network) == keys), None)

    def margin_interval(self, baseline: Baseline) -> tuple[float, float] | None:
        """Return the 95 % interval of the winner's margin over a baseline."""
        winner = self.winner(baseline.network)
        return None if winner is None else difference_interval(winner, baseline.accuracy)

    def source(self, title: str) -> Source:
        """Return a question of the page, about the headline's trial where it asks about the best one."""
        return question(title, self.headline.trial if self.headline else None)

    def answer(self, title: str) -> list[Row]:
        """Return the rows that answer a question."""
        rows: list[Row] = self.ask(self.source(title).sql).to_pylist()
        return rows


@contextmanager
def findings(folder: Place, figures: Summary | None = None, now: float | None = None) -> Iterator[Findings]:
    """Open what a page of the run in ``folder`` says, at ``now`` (seconds since 1970); ``figures`` are its, where at hand.

    Raises `RunError` where there is no run, `RecordsError` for a damaged table.
    """
    run = open_run(folder)
    driver = driver_of(folder, time.time() if now is None else now)
    with asking(folder) as ask:
        yield Findings(folder, run, figures or summary(folder), driver is not None and driver.alive, ask)

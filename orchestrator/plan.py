"""A sweep as work: jobs, each a distillation and the evaluations of its result, cut into shards.

Everything here is a pure function of the frozen sweep and of the rows that are there, so that a driver that starts anew comes to
the same work as the one before it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from distiller.baselines import Source
from distiller.recipe import Recipe
from orchestrator.front import front
from orchestrator.ledger import Ledger, Series
from orchestrator.rungs import rung_series, rungs_below
from orchestrator.ways import OWN_WAY, Way
from sweeps import Sweep

__all__ = [
    "Job",
    "Setting",
    "Shard",
    "best_trials",
    "final_jobs",
    "looks_of",
    "networks_of",
    "numbered",
    "recipe_of",
    "search_job",
    "shards_of",
    "unmeasured",
]


@dataclass(frozen=True)
class Shard:
    """The evaluation of a range of initialisations: one task, one row each.

    ``stream`` names the seeds: initialisation i of a stream is the same network in every trial and every sweep of one seed.
    ``way`` says how networks are drawn and trained where that is not the set's own way.
    """

    trial: int
    phase: str
    run: int
    draw: int
    split: str
    network: str
    first: int
    last: int
    stream: str
    way: Way = OWN_WAY

    @property
    def series(self) -> Series:
        """What the rows' keys share: all but the initialisation."""
        return (self.trial, self.phase, self.run, self.draw, self.split, self.network)


@dataclass(frozen=True)
class Setting:
    """What a baseline is made of that is not distilled: its examples' source, with a rate, steps, or neighbours and a norm."""

    source: Source
    rate: float | None = None
    steps: int | None = None
    """Of training, where labels alone are distilled."""
    neighbours: int | None = None
    norm: float | None = None


@dataclass(frozen=True)
class Job:
    """Distil ``recipe``, unless it is a baseline with a ``setting`` or the set is there already, then evaluate."""

    trial: int
    run: int
    recipe: Recipe
    shards: tuple[Shard, ...]
    setting: Setting | None = None
    full: bool = False
    """Networks are measured as they come from training on all of the data."""

    @property
    def distils(self) -> bool:
        """Whether it is about a distilled set; a baseline's set is made where it is used."""
        return self.setting is None and not self.full


def search_job(sweep: Sweep, trial: int, params: Mapping[str, Any]) -> Job:
    """Return the work of one trial of the search: run 0, measured on the validation split, at last and at rungs before.

    No shard crosses a look of the race.
    """
    recipe = sweep.recipe_for(params)
    series = (trial, "search", 0, 0, "validation", recipe.network)
    looks = looks_of(sweep, recipe)
    shards = [shard for ends in pairwise((0, *looks)) for shard in shards_of(sweep, series, *ends, "search")]
    return Job(trial, 0, recipe, (*shards, *_rung_shards(sweep, trial, recipe)))


def _rung_shards(sweep: Sweep, trial: int, recipe: Recipe) -> list[Shard]:
    if sweep.search is None:
        return []
    inits = networks_of(recipe, sweep.search.rung_inits)
    series = [rung_series(trial, rung, recipe.network) for rung in rungs_below(sweep.search.rungs, recipe)]
    return [shard for each in series for shard in shards_of(sweep, each, 0, inits, "search")]


def looks_of(sweep: Sweep, recipe: Recipe) -> tuple[int, ...]:
    """Return after how many networks a trial is looked at, the last being all; a fixed initialisation has no race."""
    return (recipe.inits_per_step,) if recipe.init == "fixed" else sweep.evaluate.looks


def best_trials(ledger: Ledger, top: int) -> list[int]:
    """Return the ``top`` complete trials by mean validation accuracy; of equals, the earlier one.

    Where the search had several objectives, they are those of the Pareto front.
    """
    complete = [row for row in ledger.trials.values() if row["status"] == "complete"]
    if any(len(row["objectives"] or ()) > 1 for row in complete):
        complete = front(complete)
    ranked = sorted(complete, key=lambda row: (-row["accuracy_mean"], row["trial"]))
    return [int(row["trial"]) for row in ranked[:top]]


def final_jobs(sweep: Sweep, ledger: Ledger, number: int) -> list[Job]:
    """Return the work of the ``number``-th final: the best trials on fresh seeds and the test split, in every run of theirs."""
    final = sweep.evaluate.final
    return [
        _final_job(sweep, recipe_of(ledger, trial, run), trial, numbered("final", number))
        for trial in best_trials(ledger, final.top)
        for run in range(final.runs + 1)
    ]


def unmeasured(job: Job, ledger: Ledger) -> list[tuple[Shard, list[int]]]:
    """Return the shards of ``job`` that have initialisations without a row, with these."""
    missing = ((shard, ledger.missing(shard.series, shard.first, shard.last)) for shard in job.shards)
    return [(shard, inits) for shard, inits in missing if inits]


def numbered(phase: str, number: int) -> str:
    """Return the name of ``phase`` in the ``number``-th final of a run; a run that is extended gets finals of its own."""
    return phase if number == 1 else f"{phase}/{number}"


def _final_job(sweep: Sweep, recipe: Recipe, trial: int, phase: str) -> Job:
    inits = networks_of(recipe, sweep.evaluate.final.inits)
    shards = [
        shard
        for network in sweep.evaluate.final.networks or [recipe.network]
        for shard in shards_of(sweep, (trial, phase, recipe.run, 0, "test", network), 0, inits, phase)
    ]
    return Job(trial, recipe.run, recipe, tuple(shards))


def networks_of(recipe: Recipe, inits: int) -> int:
    """Return how many networks a set is measured on: a fixed initialisation has only those that it is distilled for."""
    return recipe.inits_per_step if recipe.init == "fixed" else inits


def recipe_of(ledger: Ledger, trial: int, run: int) -> Recipe:
    """Return the recipe of a finished trial in one of its runs."""
    return dataclasses.replace(ledger.recipe(trial), run=run)


def shards_of(
    sweep: Sweep, series: Series, first: int, last: int, stream: str, way: Way = OWN_WAY
) -> tuple[Shard, ...]:
    """Return the shards of a series from initialisation ``first`` up to ``last``, each a task."""
    size = sweep.evaluate.shard
    return tuple(Shard(*series, start, min(start + size, last), stream, way) for start in range(first, last, size))

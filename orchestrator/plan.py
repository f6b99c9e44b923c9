"""A sweep as work: jobs, each a distillation and the evaluations of its result, cut into shards.

Everything here is a pure function of the frozen sweep and of the rows that are there, so that a driver that starts anew comes to
the same work as the one before it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distiller.recipe import Recipe
from orchestrator.ledger import Ledger, Series
from sweeps import Sweep

__all__ = [
    "Job",
    "Shard",
    "baseline_jobs",
    "best_rate",
    "best_trials",
    "extra_job",
    "final_jobs",
    "numbered",
    "search_job",
    "tune_jobs",
    "unmeasured",
]


@dataclass(frozen=True)
class Shard:
    """The evaluation of a range of initialisations: one task, one row each.

    ``stream`` names the seeds: initialisation i of a stream is the same network in every trial and every sweep of one seed.
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

    @property
    def series(self) -> Series:
        """What the rows' keys share: all but the initialisation."""
        return (self.trial, self.phase, self.run, self.draw, self.split, self.network)


@dataclass(frozen=True)
class Job:
    """Distil ``recipe``, unless it is a baseline with a constant ``rate`` or the set is there already, then evaluate."""

    trial: int
    run: int
    recipe: Recipe
    shards: tuple[Shard, ...]
    rate: float | None = None


def search_job(sweep: Sweep, trial: int, params: Mapping[str, Any]) -> Job:
    """Return the work of one trial of the search: run 0, measured on the validation split."""
    recipe = sweep.recipe_for(params)
    series = (trial, "search", 0, 0, "validation", recipe.network)
    return Job(trial, 0, recipe, _shards(sweep, series, 0, _networks(recipe, sweep.evaluate.inits), "search"))


def best_trials(ledger: Ledger, top: int) -> list[int]:
    """Return the ``top`` complete trials by mean validation accuracy; of equals, the earlier one."""
    complete = [row for row in ledger.trials.values() if row["status"] == "complete"]
    ranked = sorted(complete, key=lambda row: (-row["accuracy_mean"], row["trial"]))
    return [int(row["trial"]) for row in ranked[:top]]


def final_jobs(sweep: Sweep, ledger: Ledger, number: int) -> list[Job]:
    """Return the work of the ``number``-th final: the best trials on fresh seeds and the test split, in every run of theirs."""
    final = sweep.evaluate.final
    return [
        _final_job(sweep, _recipe(ledger, trial, run), trial, numbered("final", number))
        for trial in best_trials(ledger, final.top)
        for run in range(final.runs + 1)
    ]


def tune_jobs(sweep: Sweep, ledger: Ledger, number: int) -> list[Job]:
    """Return the work that tunes each baseline's rate on the validation split: one job a rate, its index standing for the run."""
    jobs = []
    for recipe in _winner(ledger):
        for name in sweep.baselines:
            for index, rate in enumerate(sweep.tuning.rates):
                phase = numbered(f"tune/{name}", number)
                pattern = Shard(-1, phase, index, 0, "validation", recipe.network, 0, sweep.evaluate.inits, "tune")
                jobs.append(Job(-1, index, recipe, _dealt_out(sweep, recipe, pattern), rate))
    return jobs


def baseline_jobs(sweep: Sweep, ledger: Ledger, number: int) -> list[Job]:
    """Return the work that measures each baseline at its best rate, on the final's own networks and the test split.

    A baseline whose tuning is not complete is left out: measured at a rate that is not its best it would flatter what it is held
    against.
    """
    untuned = {job.shards[0].phase for job in tune_jobs(sweep, ledger, number) if unmeasured(job, ledger)}
    jobs = []
    for recipe in _winner(ledger):
        for name in sweep.baselines:
            tuning, phase = numbered(f"tune/{name}", number), numbered(f"baseline/{name}", number)
            if tuning not in untuned:
                inits, stream = sweep.evaluate.final.inits, numbered("final", number)
                pattern = Shard(-1, phase, 0, 0, "test", recipe.network, 0, inits, stream)
                rate = sweep.tuning.rates[best_rate(sweep, ledger, tuning)]
                jobs.append(Job(-1, 0, recipe, _dealt_out(sweep, recipe, pattern), rate))
    return jobs


def extra_job(sweep: Sweep, ledger: Ledger, trial: int, inits: int, network: str | None) -> Job:
    """Return the work of evaluating a complete trial's set on more networks, seeds of their own, on the test split."""
    recipe = _recipe(ledger, trial, 0)
    series = (trial, "extra", 0, 0, "test", network or recipe.network)
    return Job(trial, 0, recipe, _shards(sweep, series, 0, _networks(recipe, inits), "extra"))


def unmeasured(job: Job, ledger: Ledger) -> list[tuple[Shard, list[int]]]:
    """Return the shards of ``job`` that have initialisations without a row, with these."""
    missing = ((shard, ledger.missing(shard.series, shard.first, shard.last)) for shard in job.shards)
    return [(shard, inits) for shard, inits in missing if inits]


def best_rate(sweep: Sweep, ledger: Ledger, phase: str) -> int:
    """Return the index of the rate with the best mean validation accuracy in ``phase``; of equals, the smaller one."""
    means = [ledger.mean(phase, run) for run in range(len(sweep.tuning.rates))]
    return means.index(max(means))


def numbered(phase: str, number: int) -> str:
    """Return the name of ``phase`` in the ``number``-th final of a run; a run that is extended gets finals of its own."""
    return phase if number == 1 else f"{phase}/{number}"


def _final_job(sweep: Sweep, recipe: Recipe, trial: int, phase: str) -> Job:
    inits = _networks(recipe, sweep.evaluate.final.inits)
    shards = [
        shard
        for network in sweep.evaluate.final.networks or [recipe.network]
        for shard in _shards(sweep, (trial, phase, recipe.run, 0, "test", network), 0, inits, phase)
    ]
    return Job(trial, recipe.run, recipe, tuple(shards))


def _winner(ledger: Ledger) -> list[Recipe]:
    """Return the recipe of the best trial: a baseline has as many examples and steps. Nothing where no trial is complete."""
    return [_recipe(ledger, trial, 0) for trial in best_trials(ledger, 1)]


def _dealt_out(sweep: Sweep, recipe: Recipe, pattern: Shard) -> tuple[Shard, ...]:
    """Return the shards of a baseline's phase, all like ``pattern`` but for their draws and initialisations.

    A random initialisation has as many networks as ``pattern`` says, dealt out over independent draws of real examples; the few
    networks of a fixed one are trained on every draw.
    """
    fixed, inits = recipe.init == "fixed", _networks(recipe, pattern.last)
    draws = sweep.tuning.draws if fixed else min(sweep.tuning.draws, inits)
    shards: list[Shard] = []
    for draw in range(draws):
        first, last = (0, inits) if fixed else (draw * inits // draws, (draw + 1) * inits // draws)
        series = dataclasses.replace(pattern, draw=draw).series
        shards.extend(_shards(sweep, series, first, last, pattern.stream))
    return tuple(shards)


def _networks(recipe: Recipe, inits: int) -> int:
    """Return how many networks a set is measured on: a fixed initialisation has only those that it is distilled for."""
    return recipe.inits_per_step if recipe.init == "fixed" else inits


def _recipe(ledger: Ledger, trial: int, run: int) -> Recipe:
    return dataclasses.replace(ledger.recipe(trial), run=run)


def _shards(sweep: Sweep, series: Series, first: int, last: int, stream: str) -> tuple[Shard, ...]:
    size = sweep.evaluate.shard
    return tuple(Shard(*series, start, min(start + size, last), stream) for start in range(first, last, size))

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
    "DRAWS",
    "RATES",
    "Job",
    "Shard",
    "baseline_jobs",
    "best_trials",
    "extra_job",
    "final_jobs",
    "numbered",
    "search_job",
    "tune_jobs",
]

RATES = (0.001, 0.003, 0.01, 0.02, 0.03, 0.06, 0.1, 0.2, 0.3, 1.0)
"""Constant learning rates that a baseline is tuned over, on the validation split."""

DRAWS = 10
"""Independent draws of a stochastic baseline, as many as the papers' runs."""


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
    return [
        _baseline_job(sweep, _recipe(ledger, winner, 0), numbered(f"tune/{name}", number), index, rate, "tune")
        for winner in best_trials(ledger, 1)
        for name in sweep.baselines
        for index, rate in enumerate(RATES)
    ]


def baseline_jobs(sweep: Sweep, ledger: Ledger, number: int) -> list[Job]:
    """Return the work that measures each baseline at its best rate, on the final's own networks and the test split."""
    jobs = []
    for winner in best_trials(ledger, 1):
        for name in sweep.baselines:
            rate = RATES[best_rate(ledger, numbered(f"tune/{name}", number))]
            phase, stream = numbered(f"baseline/{name}", number), numbered("final", number)
            jobs.append(_baseline_job(sweep, _recipe(ledger, winner, 0), phase, 0, rate, stream))
    return jobs


def extra_job(sweep: Sweep, ledger: Ledger, trial: int, inits: int, network: str | None) -> Job:
    """Return the work of evaluating a complete trial's set on more networks, seeds of their own, on the test split."""
    recipe = _recipe(ledger, trial, 0)
    series = (trial, "extra", 0, 0, "test", network or recipe.network)
    return Job(trial, 0, recipe, _shards(sweep, series, 0, _networks(recipe, inits), "extra"))


def best_rate(ledger: Ledger, phase: str) -> int:
    """Return the index in `RATES` of the rate with the best mean validation accuracy; of equals, the smaller one."""
    means = [ledger.mean(phase, run) for run in range(len(RATES))]
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


def _baseline_job(sweep: Sweep, recipe: Recipe, phase: str, run: int, rate: float, stream: str) -> Job:
    """Return a baseline's work: draws of real examples, and networks to train on them.

    A random initialisation has as many networks as the distilled set is measured on, dealt out over the draws; the few networks
    of a fixed one are trained on every draw.
    """
    fixed, tuning = recipe.init == "fixed", stream == "tune"
    inits = _networks(recipe, sweep.evaluate.inits if tuning else sweep.evaluate.final.inits)
    draws = DRAWS if fixed else min(DRAWS, inits)
    shards: list[Shard] = []
    for draw in range(draws):
        series = (-1, phase, run, draw, "validation" if tuning else "test", recipe.network)
        first, last = (0, inits) if fixed else (draw * inits // draws, (draw + 1) * inits // draws)
        shards.extend(_shards(sweep, series, first, last, stream))
    return Job(-1, run, recipe, tuple(shards), rate)


def _networks(recipe: Recipe, inits: int) -> int:
    """Return how many networks a set is measured on: a fixed initialisation has only those that it is distilled for."""
    return recipe.inits_per_step if recipe.init == "fixed" else inits


def _recipe(ledger: Ledger, trial: int, run: int) -> Recipe:
    return dataclasses.replace(ledger.recipe(trial), run=run)


def _shards(sweep: Sweep, series: Series, first: int, last: int, stream: str) -> tuple[Shard, ...]:
    size = sweep.evaluate.shard
    return tuple(Shard(*series, start, min(start + size, last), stream) for start in range(first, last, size))

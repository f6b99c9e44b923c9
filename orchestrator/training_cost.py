"""What training on whole data sets adds to a sweep: pre-trained networks, and the reference on the full data."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass

from distiller.data import Dataset
from distiller.drawing import pool_seeds
from distiller.pretrain import networks_at_once, pretrain
from distiller.pretrained_networks import source_of
from distiller.recipe import Recipe
from orchestrator.baseline_plan import settings
from sweeps import Sweep

__all__ = ["WholeTraining", "full_data_training", "pretraining", "untrained"]

_PROBE_BATCHES = 10


@dataclass(frozen=True)
class WholeTraining:
    """Training on a whole data set: how many networks, and the seconds that each takes, `None` where that was not timed."""

    networks: int = 0
    seconds_a_network: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds on one slot."""
        return self.networks * (self.seconds_a_network or 0.0)


def pretraining(sweep: Sweep, recipe: Recipe, probe: bool) -> WholeTraining:
    """Count the networks that trials of ``recipe`` want pre-trained, and with ``probe`` time some batches of one.

    These are the pool that is distilled for, and with a random initialisation those of the search, of tuning and judging, and of
    the final, which all trials and baselines share. Networks that a cache holds are counted too.
    """
    if recipe.pretrained is None:
        return WholeTraining()
    own_pools = 1 + sweep.evaluate.final.runs if recipe.init == "fixed" else 1
    measured = 0 if recipe.init == "fixed" else _measured(sweep)
    return WholeTraining(own_pools * len(pool_seeds(recipe)) + measured, _timed(recipe) if probe else None)


def _measured(sweep: Sweep) -> int:
    """Return how many random networks are trained on the sets of a sweep, each counted once."""
    final, inits = sweep.evaluate.final, sweep.evaluate.all_inits
    tuned = any(setting.rate is not None for name in sweep.baselines for setting in settings(sweep, name))
    judging = sweep.tuning.optimised.inits if "optimised_real" in sweep.baselines else 0
    return inits * (sweep.distil + tuned) + judging + final.inits * len(final.networks or [None])


def full_data_training(sweep: Sweep, recipe: Recipe, probe: bool) -> WholeTraining:
    """Count the networks of the full-data reference, and with ``probe`` time some batches of one."""
    if sweep.full_data is None:
        return WholeTraining()
    return WholeTraining(sweep.full_data.inits, _timed(sweep.full_data.applied_to(recipe)) if probe else None)


def untrained(recipe: Recipe) -> Recipe:
    """Return the recipe with networks as they are drawn, whose outer steps and evaluations cost the same."""
    objective = "basic" if recipe.objective == "adapt" else recipe.objective
    return dataclasses.replace(recipe, pretrained=None, objective=objective)


def _timed(recipe: Recipe) -> float:
    """Return the seconds that one network of ``recipe`` takes to be pre-trained, from a few batches after a first one."""
    how, source, count = recipe.pretrained, source_of(recipe), networks_at_once(recipe)
    assert how is not None
    short = dataclasses.replace(recipe, pretrained=dataclasses.replace(how, passes=1, decay=None))
    pretrain(short, _first(source, how.batch), range(count))
    some = _first(source, _PROBE_BATCHES * how.batch)
    began = time.perf_counter()
    pretrain(short, some, range(count))
    return (time.perf_counter() - began) / count * how.passes * len(source.train) / len(some.train)


def _first(dataset: Dataset, examples: int) -> Dataset:
    train = dataclasses.replace(
        dataset.train, inputs=dataset.train.inputs[:examples], labels=dataset.train.labels[:examples]
    )
    return dataclasses.replace(dataset, train=train)

"""Optuna's samplers, as a search makes them: one afresh for each trial, seeded by that trial's key.

What a sampler of its own accord remembers from trial to trial is in the study, where every trial's seed finds it: CMA-ES' state
and NSGA-II's generations lie with the trials, and the quasi-random sequence has one seed for the whole search.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import (
    BaseSampler,
    CmaEsSampler,
    GPSampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
)
from optuna.trial import FrozenTrial
from threadpoolctl import threadpool_limits

__all__ = ["SAMPLERS", "Sampler", "Seeds"]

_POPULATION = 20  # of NSGA-II, whose default of 50 is more than many a sweep has trials


@dataclass(frozen=True)
class Seeds:
    """Seeds below 2**32: that of the trial, and that of the whole search for what has to be one sequence."""

    trial: int
    search: int


@dataclass(frozen=True)
class Sampler:
    """How one is made, from seeds and the trials that another study left; ``constrained`` where it heeds constraints.

    ``one_thread`` where its sums are so large that they would depend on the number of threads, and it is asked on one.
    """

    make: Callable[[Seeds, Sequence[FrozenTrial]], BaseSampler]
    constrained: bool = True
    one_thread: bool = False

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Set this process up for a question, and back."""
        if not self.one_thread:
            yield
            return
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with threadpool_limits(1):
                yield
        finally:
            torch.set_num_threads(threads)


def _gp(seeds: Seeds, _: Sequence[FrozenTrial]) -> BaseSampler:
    return _quietly(lambda: GPSampler(seed=seeds.trial))


def _nsga2(seeds: Seeds, _: Sequence[FrozenTrial]) -> BaseSampler:
    return NSGAIISampler(seed=seeds.trial, population_size=_POPULATION)


def _qmc(seeds: Seeds, _: Sequence[FrozenTrial]) -> BaseSampler:
    """Sobol's sequence, scrambled; its first point is drawn at random, for the study knows no space before."""
    independent = RandomSampler(seed=seeds.trial)
    quiet = {"warn_independent_sampling": False, "warn_asynchronous_seeding": False}
    return _quietly(
        lambda: QMCSampler(qmc_type="sobol", scramble=True, seed=seeds.search, independent_sampler=independent, **quiet)
    )


def _cma_es(seeds: Seeds, source: Sequence[FrozenTrial]) -> BaseSampler:
    """CMA-ES, warm-started by Nomura et al. 2021 where there are trials of another study."""
    return _quietly(
        lambda: CmaEsSampler(
            seed=seeds.trial, warn_independent_sampling=False, source_trials=list(source) if source else None
        )
    )


def _quietly(make: Callable[[], BaseSampler]) -> BaseSampler:
    """Make a sampler without Optuna's word on what may change with a version; versions are in environment.json."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return make()


SAMPLERS: Mapping[str, Sampler] = {
    "tpe": Sampler(lambda seeds, _: TPESampler(seed=seeds.trial)),
    "random": Sampler(lambda seeds, _: RandomSampler(seed=seeds.trial)),
    "qmc": Sampler(_qmc),
    "gp": Sampler(_gp, one_thread=True),
    "nsga2": Sampler(_nsga2),
    "cma_es": Sampler(_cma_es, constrained=False),
    "grid": Sampler(lambda seeds, _: RandomSampler(seed=seeds.trial)),  # every point is given
}

"""Optuna's samplers, as a search makes them: one afresh for each trial, seeded by that trial's key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from optuna.samplers import BaseSampler, RandomSampler, TPESampler

__all__ = ["SAMPLERS", "Sampler"]


@dataclass(frozen=True)
class Sampler:
    """How one is made from a seed below 2**32; ``constrained`` where it heeds constraints."""

    make: Callable[[int], BaseSampler]
    constrained: bool = True


SAMPLERS: Mapping[str, Sampler] = {
    "tpe": Sampler(lambda seed: TPESampler(seed=seed)),
    "random": Sampler(lambda seed: RandomSampler(seed=seed)),
}

"""Dropout by key: which features a network drops at a step is a function of its seed and the step, never of order."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from torch import Tensor

from distiller.seeds import derive, seed_tensor, uniform

__all__ = ["Dropout"]


@dataclass(frozen=True)
class Dropout:
    """Dropout of a ``share`` (0 .. 1) of the features of K networks, one for each of ``seeds``, at an inner ``step``."""

    share: float
    seeds: tuple[int, ...]
    step: int = 0

    def at(self, step: int) -> Dropout:
        """Return the dropout of another step."""
        return dataclasses.replace(self, step=step)

    def rows(self, rows: slice) -> Dropout:
        """Return the dropout of some of the networks."""
        return dataclasses.replace(self, seeds=self.seeds[rows])

    def applied(self, features: Tensor) -> Tensor:
        """Return features [K, B, F] with zeros where they are dropped, the others scaled up to the same mean."""
        seeds = seed_tensor([derive(seed, "dropout", self.step) for seed in self.seeds], features.device)
        kept = uniform(seeds, features[0].numel()).view(features.shape) >= self.share
        return features * kept / (1 - self.share)

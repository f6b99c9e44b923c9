"""When the online network of label distillation starts anew, and for how many steps networks are trained on the result.

Labels are learned beside a network that is trained on them. A network that has stopped improving teaches them nothing more, so
that it is replaced by a fresh one (Bohdal et al. 2020, arXiv 2006.08572, section 3.2 and its code). How long each lasted says how
long a network is worth training on these labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

__all__ = ["Restarts"]

_LATEST = 3  # run lengths that the number of training steps is the mean of


@dataclass
class Restarts:
    """The error rates of one online network, and how long its predecessors lasted.

    The errors of the latest ``patience`` outer steps are summed; once these have filled the window, a sum below all before it is
    an improvement, and more than ``patience`` steps on end without one are the end of the network.
    """

    patience: int
    window: list[float] = field(default_factory=list)
    lowest: float = math.inf
    stale: int = 0
    """Steps on end without an improvement."""
    steps: int = 0
    """Steps of the network so far."""
    lengths: list[int] = field(default_factory=list)
    """Steps of each earlier network before its last improvement."""

    def record(self, error: float) -> bool:
        """Take in the error rate of a step, 0 .. 1; return whether a fresh network is due, for which this is then ready."""
        self.steps += 1
        self.window.append(error)
        if len(self.window) <= self.patience:
            return False
        self.window.pop(0)
        total = math.fsum(self.window)
        improved = total < self.lowest
        self.lowest, self.stale = min(total, self.lowest), 0 if improved else self.stale + 1
        if self.stale <= self.patience:
            return False
        self.lengths.append(self.steps - self.stale - 1)
        self.window, self.lowest, self.stale, self.steps = [], math.inf, 0, 0
        return True

    def training_steps(self) -> int:
        """Return the mean of the latest run lengths, or the steps so far where no network was replaced; at least 1."""
        latest = self.lengths[-_LATEST:]
        return max(1, round(sum(latest) / len(latest)) if latest else self.steps)

    def tensors(self) -> dict[str, Tensor]:
        """Return all but the patience as tensors that `of` reads back, equal to the bit."""
        return {
            "window": torch.tensor(self.window, dtype=torch.float64),
            "lowest": torch.tensor(self.lowest, dtype=torch.float64),
            "counts": torch.tensor([self.stale, self.steps], dtype=torch.int64),
            "lengths": torch.tensor(self.lengths, dtype=torch.int64),
        }

    @classmethod
    def of(cls, patience: int, tensors: Mapping[str, Tensor]) -> Restarts:
        """Read what `tensors` gave."""
        stale, steps = tensors["counts"].tolist()
        window, lengths = tensors["window"].tolist(), tensors["lengths"].tolist()
        return cls(patience, window, tensors["lowest"].item(), stale, steps, lengths)

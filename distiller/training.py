"""How networks are trained on a distilled set: an optimiser, its rate, and which batches it sees in which order.

A set is meant to be trained on in one way, `Distilled.training`; any other is there to measure how far the set depends on it.
Needs no torch, so that a sweep which names ways to train can be read and checked without it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

__all__ = ["Optimiser", "Order", "Training", "TrainingError"]

Optimiser = Literal["learned", "sgd", "momentum", "adam", "ridge"]
Order = Literal["given", "shuffled"]


class TrainingError(ValueError):
    """A way to train that cannot be, in one line."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """One way to train. The default is the papers': the set's own batches in their order, each step with its learned rate."""

    optimiser: Optimiser = "learned"
    """``learned``: plain gradient descent by the set's own rates. The others have one constant rate: ``sgd`` is plain,
    ``momentum`` has 0.9 of it, ``adam`` the usual averages (0.9, 0.999); ``ridge`` is adam for all but the last layer, whose
    weights are mixed from ridge regressions (see `distiller.ridge`)."""
    lr: float | None = None
    """The constant rate; `None` with ``learned``."""
    batch: int | None = None
    """Examples of a step, drawn from all of the set's, pass by pass, each once a pass; `None` for the set's own batches."""
    order: Order = "given"
    """Of the set's own batches. ``shuffled``: a fresh order in every pass, in which learned rates go with their batches."""
    steps: int | None = None
    """Steps of training; `None` for as many as the set has rates. More begin anew with the first batch and its rate."""

    def __post_init__(self) -> None:
        for name, kinds in (("optimiser", Optimiser), ("order", Order)):
            if getattr(self, name) not in get_args(kinds):
                raise TrainingError(
                    f"{name}: expected one of {', '.join(get_args(kinds))}, got {getattr(self, name)!r}"
                )
        for name in ("batch", "steps"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise TrainingError(f"{name}: expected a whole number of at least 1, got {value!r}")
        if self.optimiser == "learned":
            self._check_learned()
        elif self.lr is not None and not (math.isfinite(self.lr) and self.lr > 0):
            raise TrainingError(f"lr: expected a number above 0, got {self.lr!r}")
        if self.batch is not None and self.order == "shuffled":
            raise TrainingError(
                "order: is that of the set's own batches; those of batch examples are drawn at random anyway"
            )

    def _check_learned(self) -> None:
        for name in ("lr", "batch"):
            if getattr(self, name) is not None:
                raise TrainingError(
                    f"{name}: the learned rates belong to the set's own batches; name another optimiser"
                )

    def plain(self) -> dict[str, Any]:
        """Return what differs from the default, as plain values that `Training` takes; nothing for the default itself."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {f.name: values[f.name] for f in dataclasses.fields(self) if values[f.name] != f.default}

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Training:
        """Read what `plain` gave; raises `TrainingError` for a key that is unknown and a value that does not fit."""
        known = [f.name for f in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                raise TrainingError(f"{name}: unknown key; known here: {', '.join(known)}")
        return cls(**values)

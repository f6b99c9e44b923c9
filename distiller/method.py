"""What the outer loop of `distiller.distill` asks of a method of distillation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

__all__ = ["Method", "Reached", "Slope"]


@dataclass(frozen=True)
class Slope:
    """What an outer step finds where it stands: the mean loss and accuracy of its networks, and the gradient by what is learned.

    ``norm`` is that of the whole gradient.
    """

    loss: float
    accuracy: float
    norm: float
    gradients: Mapping[str, Tensor]


@dataclass(frozen=True)
class Reached:
    """What a method has reached, on the CPU; see `distiller.state.State` for each."""

    learned: Mapping[str, Tensor]
    moments: Mapping[str, Tensor]
    best: Mapping[str, Tensor] = field(default_factory=dict)
    online: Mapping[str, Tensor] = field(default_factory=dict)


class Method(Protocol):
    """A method of distillation as it stands between two outer steps: tensors on the recipe's device, and their optimiser.

    An outer step is `slope`; where that is finite `descend`, which alone changes what is learned; then `validation`.
    """

    gradient: str
    """What its gradient is called."""

    def slope(self, outer_step: int) -> Slope:
        """Return what the outer step of that number finds."""

    def descend(self, outer_step: int, slope: Slope) -> None:
        """Move along what `slope` has found in the same step."""

    def validation(self, outer_step: int) -> float:
        """Return the accuracy on validation examples after so many steps, and keep the best; not a number where none is due."""

    def reached(self) -> Reached:
        """Return copies of all that the next segment needs."""

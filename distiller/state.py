"""What a distillation has reached after some outer steps, as plain tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from safetensors.torch import load, save
from torch import Tensor

from distiller.distilled import safetensors_metadata

__all__ = ["CURVE", "State", "grouped", "within"]

CURVE = ("loss", "accuracy", "gradient_norm", "seconds")
"""What is logged of every outer step."""

_GROUPS = ("learned", "moments", "curve", "best", "online")


@dataclass(frozen=True, eq=False)
class State:
    """A distillation after ``outer_step`` outer steps, on the CPU.

    ``learned`` holds inputs [S, M, *shape], labels [S, M, outputs] and raw_rates [T], where a rate is softplus(raw_rate);
    ``moments`` is Adam's memory of the learned ones; ``curve`` holds, for each outer step so far, the mean outer loss and
    accuracy of its networks on its real batch, the norm of the meta-gradient before clipping, and the seconds it took of
    all its workers. Where the recipe chooses checkpoints, ``best`` is what was learned where they are best, with their
    ``accuracy`` [] on the validation examples, and the curve holds that of every step as ``validation``, not a number where it
    was not measured.
    ``online`` is of label distillation alone: the online network and its optimiser, and what decides its end.
    ``diverged`` says what was not finite, and where; such a state goes no further. Its last step is in the curve and changed
    nothing else.
    """

    outer_step: int
    learned: Mapping[str, Tensor]
    moments: Mapping[str, Tensor]
    curve: Mapping[str, Tensor]
    diverged: str | None = None
    best: Mapping[str, Tensor] = field(default_factory=dict)
    online: Mapping[str, Tensor] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the state as one safetensors file."""
        groups = {name: getattr(self, name) for name in _GROUPS}
        tensors = {f"{group}/{name}": tensor for group, values in groups.items() for name, tensor in values.items()}
        return save(tensors, {"state": json.dumps({"outer_step": self.outer_step, "diverged": self.diverged})})

    @classmethod
    def from_bytes(cls, payload: bytes) -> State:
        """Read what `to_bytes` wrote, equal to the bit."""
        groups: dict[str, dict[str, Tensor]] = {name: {} for name in _GROUPS}
        for path, tensor in load(payload).items():
            group, name = path.split("/")
            groups[group][name] = tensor
        about = json.loads(safetensors_metadata(payload)["state"])
        return cls(about["outer_step"], **groups, diverged=about["diverged"])


def grouped(group: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return ``tensors`` under names that begin with ``group`` and a dot."""
    return {f"{group}.{name}": tensor for name, tensor in tensors.items()}


def within(group: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return those of ``tensors`` that `grouped` put under ``group``, by the names that they had."""
    return {name[len(group) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(f"{group}.")}

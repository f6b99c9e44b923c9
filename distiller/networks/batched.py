"""What networks that bring batched code of their own have in common: everything but their layers."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from .backends import Backend, Loss
from .chain import Chain
from .initialise import Parameters
from .layers import Layer

__all__ = ["Batched"]


class Batched(Backend):
    """A stack of K networks as a chain of layers."""

    most: ClassVar[int]
    """Network-examples beyond which a CPU gains nothing from computing more at once: activations leave its caches, and its
    allocator maps and returns their memory each time."""

    @abstractmethod
    def layers(self, networks: int) -> list[Layer]:
        """Return the layers of K networks, in the order of their parameters."""

    def logits(self, params: Parameters, inputs: Tensor) -> Tensor:
        return self._chain(params).logits(params, inputs)

    def logits_of_many(self, params: Parameters, inputs: Tensor) -> Tensor:
        if inputs.device.type != "cpu":
            return self.logits(params, inputs)
        parts = zip(*(torch.split(p, max(1, self.most // len(inputs))) for p in params), strict=True)
        rows = torch.split(inputs, self.most)
        return torch.cat([torch.cat([self.logits(part, some) for some in rows], dim=1) for part in parts])

    def gradient(self, params: Parameters, inputs: Tensor, labels: Tensor, loss: Loss) -> Parameters:
        return self._chain(params).gradient(params, inputs, labels, loss)

    def tangent(self, params: Parameters, inputs: Tensor, along: Parameters) -> tuple[Tensor, Tensor]:
        return self._chain(params).tangent(params, inputs, along)

    def _chain(self, params: Parameters) -> Chain:
        return Chain(self.layers(len(params[0])), self.smoothing)

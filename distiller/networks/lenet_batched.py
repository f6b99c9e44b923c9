"""K LeNets at once, written out: the first convolution shares its input, the second is grouped, linear layers are batched."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .initialise import Parameters

__all__ = ["BatchedLeNet"]


class BatchedLeNet:
    """The functions of a stack of LeNets (see `distiller.networks.stack.Batched`)."""

    def __init__(self, padding: int) -> None:
        self._padding = padding

    def prepare(self, inputs: Tensor) -> Tensor:
        return inputs

    def logits(self, params: Parameters, prepared: Tensor) -> Tensor:
        return self.logits_raw(params, prepared)

    def logits_raw(self, params: Parameters, inputs: Tensor) -> Tensor:
        w1, b1, w2, b2, w3, b3, w4, b4, w5, b5 = params
        K, B = len(w1), len(inputs)
        hidden = F.conv2d(inputs, w1.flatten(0, 1), b1.flatten(), padding=self._padding)
        hidden = F.relu(F.max_pool2d(hidden, 2))
        hidden = F.conv2d(hidden, w2.flatten(0, 1), b2.flatten(), groups=K)
        hidden = F.relu(F.max_pool2d(hidden, 2)).reshape(B, K, 400).transpose(0, 1)
        hidden = F.relu(torch.baddbmm(b3[:, None], hidden, w3.mT))
        hidden = F.relu(torch.baddbmm(b4[:, None], hidden, w4.mT))
        return torch.baddbmm(b5[:, None], hidden, w5.mT)

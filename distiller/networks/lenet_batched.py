"""K LeNets at once, written out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .convolution import Geometry, convolve
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
        hidden = self._first(inputs, w1, b1)
        hidden = convolve(hidden, w2.flatten(0, 1), b2.flatten(), Geometry(groups=K, stacked=K > 1))
        hidden = F.relu(F.max_pool2d(hidden.contiguous(memory_format=torch.channels_last), 2))
        # Features before examples, so that the gradient of a weight [out, in] comes out in its own memory order.
        hidden = hidden.reshape(B, K, 400).permute(1, 2, 0)
        hidden = F.relu(torch.baddbmm(b3[:, :, None], w3, hidden))
        hidden = F.relu(torch.baddbmm(b4[:, :, None], w4, hidden))
        return torch.baddbmm(b5[:, :, None], w5, hidden).mT

    def _first(self, inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        K = len(weight)
        slabs = [F.pad(weight, (right, 1 - right, down, 1 - down)) for down in (0, 1) for right in (0, 1)]
        weight = torch.stack(slabs)
        bias = bias.expand(4, K, 6)
        hidden = convolve(inputs, weight.flatten(0, 2), bias.flatten(), Geometry(stride=2, padding=self._padding, stacked=K > 1))
        return F.relu(_pool_slabs(hidden, K))


def _pool_slabs(hidden: Tensor, K: int) -> Tensor:
    B, C, H, W = hidden.shape
    if K == 1:
        view = hidden.view(B, 4, 1, C // 4 * H * W).permute(0, 3, 1, 2)
        return F.max_pool2d(view, (4, 1)).permute(0, 2, 3, 1).view(B, C // 4, H, W)
    view = hidden.permute(0, 2, 3, 1).reshape(B * H * W, 4, 1, C // 4).permute(0, 3, 1, 2)
    return F.max_pool2d(view, (4, 1)).permute(0, 2, 3, 1).view(B, H, W, C // 4).permute(0, 3, 1, 2)

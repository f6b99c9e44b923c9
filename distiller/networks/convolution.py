"""The three products of a grouped convolution, each in the memory order that is fastest for it.

With ``C(x, w)`` the convolution, ``I(d, w)`` its gradient for the inputs and ``G(x, d)`` for the weights::

    <C(x, w), d> = <x, I(d, w)> = <w, G(x, d)>

so that every derivative of the three, of whatever order, is again one of the three. They are not differentiable themselves:
`distiller.networks.chain` composes them.

On a CPU oneDNN computes several groups three times faster in channels-last order; one group it computes faster in the plain
order, all but G; and I for inputs of up to three channels, which it pads to sixteen, is faster as a matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Convolution"]

_FEW_CHANNELS = 3


@dataclass(frozen=True)
class Convolution:
    """A convolution of inputs [B, groups * I, H, W] with weights [O, I, k, k]; ``channels_last`` is the order on a CPU."""

    channels_last: bool
    groups: int = 1
    stride: int = 1
    padding: int = 0

    def outputs(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return C(inputs, weight) + bias: [B, O, H', W']."""
        last = self.channels_last
        return F.conv2d(_order(inputs, last), _order(weight, last), bias, self.stride, self.padding, 1, self.groups)

    def for_inputs(self, grad: Tensor, weight: Tensor, shape: torch.Size) -> Tensor:
        """Return I(grad, weight) of inputs' ``shape``."""
        if weight.shape[1] <= _FEW_CHANNELS and self.groups == 1:
            patches = weight.flatten(1).T @ grad.flatten(2)
            return F.fold(patches, shape[2:], weight.shape[2:], padding=self.padding, stride=self.stride)
        last = self.channels_last
        grad, weight = _order(grad, last), _order(weight, last)
        # Only shape and memory order of the inputs matter to this derivative; nothing reads or fills these.
        inputs = torch.empty(shape, dtype=grad.dtype, device=grad.device, memory_format=_format(last, grad))
        return self._derivative(grad, inputs, weight, (True, False, False))[0]

    def for_weight(self, inputs: Tensor, grad: Tensor, shape: torch.Size) -> tuple[Tensor, Tensor]:
        """Return G(inputs, grad) of the weight's ``shape``, and the gradient of the bias [O]."""
        last = self.channels_last or inputs.shape[1] > _FEW_CHANNELS
        inputs, grad = _order(inputs, last), _order(grad, last)
        _, weight, bias = self._derivative(grad, inputs, grad.new_empty(1).expand(shape), (False, True, True))
        return weight, bias

    def _derivative(
        self, grad: Tensor, inputs: Tensor, weight: Tensor, wanted: tuple[bool, bool, bool]
    ) -> tuple[Tensor, Tensor, Tensor]:
        stride, padding = [self.stride] * 2, [self.padding] * 2
        derivative: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.convolution_backward(
            grad, inputs, weight, [weight.shape[0]], stride, padding, [1, 1], False, [0, 0], self.groups, wanted
        )
        return derivative


def _order(tensor: Tensor, channels_last: bool) -> Tensor:
    """Return [B, C, H, W] in channels-last or plain memory order; always plain off the CPU."""
    order = _format(channels_last, tensor)
    if order == torch.channels_last and tensor.shape[1] == 1:
        # Both orders are one and the same memory; strides that say "channels last" make oneDNN write its outputs so.
        return tensor.contiguous().as_strided(tensor.shape, (tensor[0].numel(), 1, tensor.shape[3], 1))
    return tensor.contiguous(memory_format=order)


def _format(channels_last: bool, like: Tensor) -> torch.memory_format:
    return torch.channels_last if channels_last and like.device.type == "cpu" else torch.contiguous_format

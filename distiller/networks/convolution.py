"""The three products of a grouped convolution, each in the memory order that is fastest for it.

With ``C(x, w)`` the convolution, ``I(d, w)`` its gradient for the inputs and ``G(x, d)`` for the weights::

    <C(x, w), d> = <x, I(d, w)> = <w, G(x, d)>

so that every derivative of the three, of whatever order, is again one of the three. They are not differentiable themselves:
`distiller.networks.chain` composes them.

On a CPU oneDNN computes several groups three times faster in channels-last order than in the plain one; a single group of few
channels is faster in the plain one, all but G; and I for three channels or fewer, which oneDNN pads to sixteen, is faster as a
matrix product over patches.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Convolution"]

_FEW = 3


@dataclass(frozen=True)
class Convolution:
    """A convolution of inputs [B, groups * I, H, W] with weights [O, I, kernel, kernel].

    ``channels_last`` is the memory order on a CPU; other devices keep the plain one.
    """

    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1
    channels_last: bool = True

    def outputs(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return C(inputs, weight) + bias: [B, O, H', W']."""
        inputs, weight = self.order(inputs), self.order(weight)
        return F.conv2d(inputs, weight, bias, self.stride, self.padding, groups=self.groups)

    def for_inputs(self, grad: Tensor, weight: Tensor, shape: torch.Size) -> Tensor:
        """Return I(grad, weight), of the inputs' ``shape``."""
        if shape[1] <= _FEW:
            patches = weight.flatten(1).T @ grad.flatten(2)
            return F.fold(patches, shape[2:], self.kernel, padding=self.padding, stride=self.stride)
        derivative = self._derivative(
            self.order(grad), self.blank(shape, grad), self.order(weight), (True, False, False)
        )
        return derivative[0]

    def for_weight(self, inputs: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
        """Return G(inputs, grad) [O, I, kernel, kernel], and the gradient of the bias [O]."""
        last = self.channels_last or inputs.shape[1] > _FEW
        weight = grad.new_empty(grad.shape[1], inputs.shape[1] // self.groups, self.kernel, self.kernel)
        derivative = self._derivative(_order(grad, last), _order(inputs, last), weight, (False, True, True))
        return derivative[1], derivative[2]

    def order(self, tensor: Tensor) -> Tensor:
        """Return [B, C, H, W] in this convolution's memory order."""
        return _order(tensor, self.channels_last)

    def blank(self, shape: torch.Size, like: Tensor) -> Tensor:
        """Return storage of that shape in this convolution's order, unfilled: for derivatives that go by the shape alone."""
        return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=_format(like, self.channels_last))

    def _derivative(
        self, grad: Tensor, inputs: Tensor, weight: Tensor, wanted: tuple[bool, bool, bool]
    ) -> tuple[Tensor, Tensor, Tensor]:
        stride, padding = [self.stride] * 2, [self.padding] * 2
        derivative: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.convolution_backward(
            grad, inputs, weight, [weight.shape[0]], stride, padding, [1, 1], False, [0, 0], self.groups, wanted
        )
        return derivative


def _order(tensor: Tensor, channels_last: bool) -> Tensor:
    order = _format(tensor, channels_last)
    if order == torch.channels_last and tensor.shape[1] == 1:
        # Both orders are one and the same memory; strides that say "channels last" make oneDNN write its outputs so.
        return tensor.contiguous().as_strided(tensor.shape, (tensor[0].numel(), 1, tensor.shape[3], 1))
    return tensor.contiguous(memory_format=order)


def _format(like: Tensor, channels_last: bool) -> torch.memory_format:
    return torch.channels_last if channels_last and like.device.type == "cpu" else torch.contiguous_format

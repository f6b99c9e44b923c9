"""A grouped convolution as three bilinear functions, each the derivative of the others.

With ``C(x, w)`` the convolution, ``I(g, w)`` its gradient for the inputs and ``G(x, g)`` for the weights::

    <C(x, w), g> = <x, I(g, w)> = <w, G(x, g)>

so that every derivative of the three, of whatever order, is again one of the three. torch's own second derivative of a
convolution instead runs one group after another and reshapes batches into channels; and a function of one's own may choose
the memory format that is fastest for it. On a CPU oneDNN computes several groups far faster in channels-last order; one group
it computes faster in the plain order, all but the gradient for the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

__all__ = ["Geometry", "convolve"]


@dataclass(frozen=True)
class Geometry:
    """What a convolution is besides its numbers."""

    stride: int = 1
    padding: int = 0
    groups: int = 1
    stacked: bool = False
    """Whether the output channels are those of several networks."""


def convolve(inputs: Tensor, weight: Tensor, bias: Tensor, geometry: Geometry) -> Tensor:
    """Return the convolution [B, O, H', W'] of inputs [B, groups * I, H, W] with weight [O, I, k, k] and bias [O]."""
    out: Tensor = _Convolution.apply(inputs, weight, bias, geometry)
    return out


class _Convolution(Function):
    @staticmethod
    def forward(inputs: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        inputs = _arrange(inputs, geometry.stacked)
        # The weight says which order the outputs have where the inputs' single channel leaves it open.
        weight = _arrange(weight, geometry.stacked)
        return F.conv2d(inputs, weight, bias, geometry.stride, geometry.padding, groups=geometry.groups)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, weight, bias, ctx.geometry = inputs
        ctx.has_bias = bias is not None
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        of_inputs = _InputGradient.apply(grad, weight, inputs.shape, ctx.geometry) if ctx.needs_input_grad[0] else None
        of_weight, of_bias = _WeightGradient.apply(inputs, grad, weight.shape, ctx.geometry)
        return of_inputs, of_weight, of_bias if ctx.has_bias else None, None


class _InputGradient(Function):
    @staticmethod
    def forward(grad: Tensor, weight: Tensor, shape: torch.Size, geometry: Geometry) -> Tensor:
        if weight.shape[1] <= 3:
            return _fold(grad, weight, shape, geometry)
        grad, weight = _arrange(grad, geometry.stacked), _arrange(weight, geometry.stacked)
        return _backward(grad, grad.new_empty(1).expand(shape), weight, geometry, (True, False, False))[0]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        grad, weight, _, ctx.geometry = inputs
        ctx.save_for_backward(grad, weight)

    @staticmethod
    def backward(ctx: Any, tangent: Tensor) -> tuple[Tensor | None, ...]:
        grad, weight = ctx.saved_tensors
        of_grad = _Convolution.apply(tangent, weight, None, ctx.geometry)
        return of_grad, _WeightGradient.apply(tangent, grad, weight.shape, ctx.geometry)[0], None, None


class _WeightGradient(Function):
    @staticmethod
    def forward(inputs: Tensor, grad: Tensor, shape: torch.Size, geometry: Geometry) -> tuple[Tensor, Tensor]:
        if inputs.shape[1] > 3:
            inputs, grad = _arrange(inputs, True), _arrange(grad, True)
        weight = grad.new_empty(1).expand(shape)
        _, of_weight, of_bias = _backward(grad, inputs, weight, geometry, (False, True, True))
        return of_weight, of_bias

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        x, grad, _, ctx.geometry = inputs
        ctx.save_for_backward(x, grad)

    @staticmethod
    def backward(ctx: Any, of_weight: Tensor, of_bias: Tensor) -> tuple[Tensor | None, ...]:
        inputs, grad = ctx.saved_tensors
        of_inputs = _InputGradient.apply(grad, of_weight, inputs.shape, ctx.geometry) if ctx.needs_input_grad[0] else None
        return of_inputs, _Convolution.apply(inputs, of_weight, of_bias, ctx.geometry), None, None


def _backward(
    grad: Tensor, inputs: Tensor, weight: Tensor, geometry: Geometry, wanted: tuple[bool, bool, bool]
) -> tuple[Tensor, Tensor, Tensor]:
    pair = [geometry.stride] * 2, [geometry.padding] * 2
    gradients: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.convolution_backward(
        grad, inputs, weight, [weight.shape[0]], *pair, [1, 1], False, [0, 0], geometry.groups, wanted
    )
    return gradients


def _fold(grad: Tensor, weight: Tensor, shape: torch.Size, geometry: Geometry) -> Tensor:
    """Return the gradient for inputs of so few channels that one matrix product over patches is the faster way."""
    patches = weight.flatten(1).T @ grad.flatten(2)
    return F.fold(patches, shape[2:], weight.shape[2:], padding=geometry.padding, stride=geometry.stride)


def _arrange(tensor: Tensor, channels_last: bool) -> Tensor:
    if not tensor.device.type == "cpu":
        return tensor.contiguous()
    if channels_last and tensor.shape[1] == 1:
        # Both orders are the same memory; strides that say "channels last" make oneDNN write its outputs so.
        return tensor.contiguous().as_strided(tensor.shape, (tensor[0].numel(), 1, tensor.shape[3], 1))
    return tensor.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)

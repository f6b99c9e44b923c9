"""The layers that batched networks are made of: a product, linear in weight and in inputs, and an activation after it.

A layer knows its value and its derivatives of first and second order at a point; `distiller.networks.chain` composes them and
defines the letters: C the product, I and G its gradients for inputs and weight, f the activation, D its derivative. K networks
are computed at once; weights are [K, ...], biases [K, out].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .convolution import Convolution
from .smoothing import rectified

__all__ = ["Convolutional", "Layer", "Rectified", "where_positive"]


class Layer:
    """A fully connected layer [K, B, in] to [K, B, out] without an activation; other layers differ from it.

    Its methods are not differentiable by themselves.
    """

    def outputs(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return z = C(inputs, weight) + bias, in storage of its own."""
        return inputs @ weight.mT if bias is None else torch.baddbmm(bias[:, None], inputs, weight.mT)

    def for_inputs(self, grad: Tensor, weight: Tensor, shape: torch.Size) -> Tensor:
        """Return I(grad, weight), of the inputs' ``shape``, in storage of its own."""
        return grad @ weight

    def for_weight(self, inputs: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
        """Return G(inputs, grad), and the sum over grad that the bias gets."""
        return grad.mT @ inputs, grad.sum(1)

    def add_for_weight(self, total: Tensor, inputs: Tensor, grad: Tensor) -> None:
        """Add G(inputs, grad) to ``total`` in place."""
        total.baddbmm_(grad.mT, inputs)

    def activate(self, outputs: Tensor) -> tuple[Tensor, Any]:
        """Return f(outputs), and what the methods below need to know of this point; may overwrite ``outputs``."""
        return outputs, None

    def along(self, tangent: Tensor, point: Any) -> tuple[Tensor, Any]:
        """Return D tangent, and what `bend` needs to know of this direction; may overwrite ``tangent``."""
        return tangent, None

    def back(self, grad: Tensor, point: Any) -> Tensor:
        """Return Dᵀ grad."""
        return grad

    def bend(self, grad: Tensor, point: Any, direction: Any) -> Tensor | None:
        """Return (Ḋ)ᵀ grad, the change of `back` along a direction; `None` for zero, as for what is piecewise linear."""
        return None

    def smoothed(self, width: float) -> Callable[[Tensor], Tensor] | None:
        """Return f as `distiller.networks.smoothing` has it, differentiable by autograd; `None` where f is the identity."""
        return None


class Rectified(Layer):
    """A fully connected layer with a ReLU after it."""

    def activate(self, outputs: Tensor) -> tuple[Tensor, Any]:
        hidden = outputs.relu_()
        return hidden, hidden

    def along(self, tangent: Tensor, point: Any) -> tuple[Tensor, Any]:
        return where_positive(tangent, point), None

    def back(self, grad: Tensor, point: Any) -> Tensor:
        return where_positive(grad, point)

    def smoothed(self, width: float) -> Callable[[Tensor], Tensor]:
        return lambda outputs: rectified(outputs, width)


class Convolutional(Layer):
    """A convolution whose outputs [B, K * out, H, W] hold the channels of K networks, one network after another."""

    def __init__(self, networks: int, product: Convolution) -> None:
        self.networks = networks
        self.product = product

    def outputs(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return self.product.outputs(inputs, weight.flatten(0, 1), None if bias is None else bias.flatten())

    def for_inputs(self, grad: Tensor, weight: Tensor, shape: torch.Size) -> Tensor:
        return self.product.for_inputs(grad, weight.flatten(0, 1), shape)

    def for_weight(self, inputs: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
        weight, bias = self.product.for_weight(inputs, grad)
        return torch.unflatten(weight, 0, (self.networks, -1)), bias.view(self.networks, -1)

    def add_for_weight(self, total: Tensor, inputs: Tensor, grad: Tensor) -> None:
        total += self.for_weight(inputs, grad)[0]

    def flat(self, pictures: Tensor) -> Tensor:
        """Bring [B, K * C, H, W] to [K, B, C * H * W]."""
        return pictures.reshape(len(pictures), self.networks, -1).transpose(0, 1).contiguous()

    def pictures(self, flat: Tensor, side: int) -> Tensor:
        """Bring [K, B, C * side * side] to [B, K * C, side, side]."""
        K, B, _ = flat.shape
        return self.product.order(flat.view(K, B, -1, side, side).transpose(0, 1).flatten(1, 2))


def where_positive(values: Tensor, hidden: Tensor) -> Tensor:
    """Return ``values``, with zeros where ``hidden``, the output of a ReLU, is zero."""
    masked: Tensor = torch.ops.aten.threshold_backward(values, hidden, 0)
    return masked

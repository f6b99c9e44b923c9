"""Exact first and second derivatives of K networks that are chains of layers, written out.

A layer is a product that is linear in its weight and in its inputs, ``z = C(x, w) + b``, and an activation f; the next layer's
inputs are f(z). With ``I`` and ``G`` the derivatives of C for inputs and weight, and D that of f at z, a gradient takes one way
up and one way down:

    forward      z = C(x, w) + b          next x = f(z)
    pull         d = Dᵀ g, g from above      ∂w = G(x, d)      ∂b = Σ d      below: I(d, w)

Its derivative along tangents v of the weights and c of the biases takes one more way up and one more down (the R operator of
Pearlmutter 1994), with ẋ, ż, ġ, ḋ the tangents of x, z, g, d:

    push         ż = C(x, v) + c + C(ẋ, w)          next ẋ = D ż
    pull again   ḋ = Dᵀ ġ + (Ḋ)ᵀ g      G(x, ḋ) + G(ẋ, d)      Σ ḋ      below: I(ḋ, w) + I(d, v)

where Ḋ, the change of D with z along ż, is zero for ReLU and max-pooling. By symmetry of second derivatives that directional
derivative of the gradient is also the vector-Jacobian product that differentiating a gradient asks for. These are the products
that automatic differentiation computes, less those for inputs that nobody asked about, with sums added in place and no graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from .initialise import Parameters

__all__ = ["Chain", "Layer", "Loss"]

Loss = Callable[[Tensor, Tensor], Tensor]
"""Maps logits [K, B, outputs] and labels [B, outputs] to K losses, each of its own network alone."""


class Layer:
    """One product and the activation after it, for K networks. Its methods are not differentiable by themselves.

    What it is made from here is a fully connected layer, [K, B, in] to [K, B, out], and no activation.
    """

    def outputs(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return C(inputs, weight) + bias, in storage of its own."""
        return inputs @ weight.mT if bias is None else torch.baddbmm(bias[:, None], inputs, weight.mT)

    def for_inputs(self, grad: Tensor, weight: Tensor, shape: torch.Size) -> Tensor:
        """Return I(grad, weight), of the inputs' ``shape``."""
        return grad @ weight

    def for_weight(self, inputs: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
        """Return G(inputs, grad), and the sum over grad that the bias gets."""
        return grad.mT @ inputs, grad.sum(1)

    def add_for_weight(self, total: Tensor, inputs: Tensor, grad: Tensor) -> None:
        """Add G(inputs, grad) to ``total`` in place."""
        total.baddbmm_(grad.mT, inputs)

    def activate(self, outputs: Tensor) -> tuple[Tensor, Any]:
        """Return f(outputs), and whatever the methods below need to know of this point; may overwrite ``outputs``."""
        return outputs, None

    def along(self, tangent: Tensor, point: Any) -> Tensor:
        """Return D tangent."""
        return tangent

    def back(self, grad: Tensor, point: Any) -> Tensor:
        """Return Dᵀ grad."""
        return grad

    def bend(self, grad: Tensor, tangent: Tensor, point: Any) -> Tensor | None:
        """Return (Ḋ)ᵀ grad along ``tangent``; `None` for zero."""
        return None


@dataclass
class _Visit:
    """What one forward and one backward pass leave behind at a layer."""

    layer: Layer
    weight: Tensor
    inputs: Tensor
    point: Any
    above: Tensor | None = None
    """g"""
    delta: Tensor | None = None
    """d"""


class Chain:
    """K networks as layers, each with a weight [K, ...] and a bias [K, ...], in the order of the parameters."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = layers

    def logits(self, params: Parameters, inputs: Tensor) -> Tensor:
        """Return logits [K, B, outputs], twice differentiable by parameters and inputs."""
        logits: Tensor = _Logits.apply(self, inputs, *params)
        return logits

    def gradient(self, params: Parameters, inputs: Tensor, labels: Tensor, loss: Loss) -> Parameters:
        """Return each network's gradient of its own loss; differentiable once more by parameters, inputs and labels."""
        keep = torch.is_grad_enabled() and any(t.requires_grad for t in (labels, inputs, *params))
        gradient: Parameters = _Gradient.apply(self, loss, keep, labels, inputs, *params)
        return gradient

    def forward(self, params: Sequence[Tensor], inputs: Tensor) -> tuple[Tensor, list[_Visit]]:
        """Return the logits, and the visit of every layer."""
        visits: list[_Visit] = []
        for layer, weight, bias in zip(self._layers, params[::2], params[1::2], strict=True):
            outputs, point = layer.activate(layer.outputs(inputs, weight, bias))
            visits.append(_Visit(layer, weight, inputs, point))
            inputs = outputs
        return inputs, visits


def _pull(visits: list[_Visit], grad: Tensor, for_inputs: bool, keep: bool) -> tuple[list[Tensor], Tensor | None]:
    """Return the gradients for parameters and inputs from that for the logits; ``keep`` what `_pull_again` needs."""
    gradients: list[Tensor] = []
    for visit in reversed(visits):
        delta = visit.layer.back(grad, visit.point)
        gradients[:0] = visit.layer.for_weight(visit.inputs, delta)
        if keep:
            visit.above, visit.delta = grad, delta
        if visit is visits[0] and not for_inputs:
            return gradients, None
        grad = visit.layer.for_inputs(delta, visit.weight, visit.inputs.shape)
    return gradients, grad


def _push(
    visits: list[_Visit], along: Sequence[Tensor], inputs: Tensor | None
) -> tuple[Tensor, list[tuple[Tensor | None, Tensor]]]:
    """Return the logits' tangent, and (ẋ, ż) of every layer, ẋ `None` for zero."""
    tangents: list[tuple[Tensor | None, Tensor]] = []
    tangent = inputs
    for visit, weight, bias in zip(visits, along[::2], along[1::2], strict=True):
        outputs = visit.layer.outputs(visit.inputs, weight, bias)
        if tangent is not None:
            outputs += visit.layer.outputs(tangent, visit.weight, None)
        tangents.append((tangent, outputs))
        tangent = visit.layer.along(outputs, visit.point)
    assert tangent is not None
    return tangent, tangents


def _pull_again(
    visits: list[_Visit],
    along: Sequence[Tensor],
    tangents: list[tuple[Tensor | None, Tensor]],
    grad: Tensor,
    for_inputs: bool,
) -> tuple[list[Tensor], Tensor | None]:
    """Return the derivatives of what `_pull` gave, for parameters and inputs; ``grad`` is the tangent of its argument."""
    gradients: list[Tensor] = []
    for visit, weight, (inputs, outputs) in zip(visits[::-1], along[::-1][1::2], tangents[::-1], strict=True):
        assert visit.above is not None, "the first pass kept nothing"
        assert visit.delta is not None
        delta = visit.layer.back(grad, visit.point)
        bend = visit.layer.bend(visit.above, outputs, visit.point)
        if bend is not None:
            delta = delta + bend
        of_weight, of_bias = visit.layer.for_weight(visit.inputs, delta)
        if inputs is not None:
            visit.layer.add_for_weight(of_weight, inputs, visit.delta)
        gradients[:0] = of_weight, of_bias
        if visit is visits[0] and not for_inputs:
            return gradients, None
        grad = visit.layer.for_inputs(delta, visit.weight, visit.inputs.shape)
        grad += visit.layer.for_inputs(visit.delta, weight, visit.inputs.shape)
    return gradients, grad


class _Logits(Function):
    @staticmethod
    def forward(ctx: Any, chain: Chain, inputs: Tensor, *params: Tensor) -> Tensor:
        logits, ctx.visits = chain.forward(params, inputs)
        ctx.save_for_backward(inputs, *params)
        return logits

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        for_inputs = ctx.needs_input_grad[1]
        keep = torch.is_grad_enabled()
        of_inputs, *of_params = _Pull.apply(ctx.visits, for_inputs, keep, grad, *ctx.saved_tensors)
        return None, of_inputs if for_inputs else None, *of_params


class _Pull(Function):
    """The gradient of <logits, grad> for inputs and parameters, as a function of grad, inputs and parameters."""

    @staticmethod
    def forward(
        ctx: Any, visits: list[_Visit], for_inputs: bool, keep: bool, grad: Tensor, inputs: Tensor, *params: Tensor
    ) -> tuple[Tensor, ...]:
        gradients, of_inputs = _pull(visits, grad, for_inputs, keep)
        ctx.visits, ctx.for_inputs = visits, for_inputs
        return inputs.new_empty(0) if of_inputs is None else of_inputs, *gradients

    @staticmethod
    def backward(ctx: Any, along_inputs: Tensor, *along: Tensor) -> tuple[Tensor | None, ...]:
        with torch.no_grad():
            of_grad, tangents = _push(ctx.visits, along, along_inputs if ctx.for_inputs else None)
            zero = torch.zeros_like(of_grad)
            of_params, of_inputs = _pull_again(ctx.visits, along, tangents, zero, ctx.needs_input_grad[4])
        return None, None, None, of_grad, of_inputs, *of_params


class _Gradient(Function):
    """Each network's gradient of its own loss for its parameters, as a function of labels, inputs and parameters."""

    @staticmethod
    def forward(
        ctx: Any, chain: Chain, loss: Loss, keep: bool, labels: Tensor, inputs: Tensor, *params: Tensor
    ) -> tuple[Tensor, ...]:
        logits, ctx.visits = chain.forward(params, inputs)
        with torch.enable_grad():
            ctx.top = logits.detach().requires_grad_(), labels.detach().requires_grad_()
            (ctx.grad,) = torch.autograd.grad(loss(*ctx.top).sum(), ctx.top[0], create_graph=keep)
        gradients, _ = _pull(ctx.visits, ctx.grad.detach(), for_inputs=False, keep=keep)
        return tuple(gradients)

    @staticmethod
    def backward(ctx: Any, *along: Tensor) -> tuple[Tensor | None, ...]:
        with torch.no_grad():
            tangent, tangents = _push(ctx.visits, along, None)
            # The loss's own second derivative, small: by the logits (symmetric) and by the labels.
            of_grad, of_labels = torch.autograd.grad(
                ctx.grad, ctx.top, tangent, retain_graph=True, materialize_grads=True
            )
            of_params, of_inputs = _pull_again(ctx.visits, along, tangents, of_grad, ctx.needs_input_grad[4])
        return None, None, None, of_labels, of_inputs, *of_params

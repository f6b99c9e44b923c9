"""Exact first and second derivatives of K networks that are chains of layers, written out.

A layer is a product that is linear in its weight and in its inputs, ``z = C(x, w) + b``, and an activation f; the next layer's
inputs are f(z). With ``I`` and ``G`` the derivatives of C for inputs and weight, and D that of f at z, a gradient takes one way
up and one way down:

    forward      z = C(x, w) + b          next x = f(z)
    pull         d = Dᵀ g, g from above      ∂w = G(x, d)      ∂b = Σ d      below: I(d, w)

Its derivative along tangents v of the weights and c of the biases takes one more way up and one more down (the R operator of
Pearlmutter 1994), with ẋ, ż, ġ, ḋ the tangents of x, z, g, d:

    push         ż = C(x, v) + c + C(ẋ, w)          next ẋ = D ż
    pull again   ḋ = Dᵀ ġ + Ḋᵀ g      ∂w = G(x, ḋ) + G(ẋ, d)      ∂b = Σ ḋ      below: I(ḋ, w) + I(d, v)

where Ḋ, the change of D along ż, is zero for ReLU and max-pooling, or, where a chain is smoothed, what
`distiller.networks.smoothing` makes of it. By symmetry of second derivatives that directional derivative
of the gradient is also the vector-Jacobian product that differentiating a gradient asks for. These are the products that
automatic differentiation computes, less those for inputs that nobody asked about, with sums added in place and no graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from .backends import Loss
from .initialise import Parameters
from .layers import Layer
from .smoothing import curvature

__all__ = ["Chain"]


@dataclass
class _Visit:
    """What one way up, and one way down where it is kept, leave behind at a layer."""

    layer: Layer
    weight: Tensor
    inputs: Tensor
    point: Any
    kept: tuple[Tensor, Tensor] | None = None
    """g and d"""
    outputs: Tensor | None = None
    """z, where the chain is smoothed"""


_Tangent = tuple[Tensor | None, Any]
"""Of one layer: ẋ, `None` for zero, and what its `bend` needs to know: ż itself where the chain is smoothed."""


class Chain:
    """K networks as layers, each with a weight [K, ...] and a bias [K, ...], in the order of the parameters.

    ``smoothing`` is the width over which the derivative of `gradient` is smoothed, `None` for the exact one.
    """

    def __init__(self, layers: Sequence[Layer], smoothing: float | None = None) -> None:
        self._layers = layers
        self.smoothing = smoothing

    def logits(self, params: Parameters, inputs: Tensor) -> Tensor:
        """Return logits [K, B, outputs], twice differentiable by parameters and inputs."""
        logits: Tensor = _Logits.apply(self, inputs, *params)
        return logits

    def gradient(self, params: Parameters, inputs: Tensor, labels: Tensor, loss: Loss) -> Parameters:
        """Return each network's gradient of its own loss; differentiable once more by parameters, inputs and labels."""
        keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (labels, inputs, *params))
        gradient: Parameters = _Gradient.apply(self, loss, keep, labels, inputs, *params)
        return gradient

    def tangent(self, params: Parameters, inputs: Tensor, along: Parameters) -> tuple[Tensor, Tensor]:
        """Return the logits [K, B, outputs] and their derivative along a direction of the parameters; without a graph."""
        with torch.no_grad():
            logits, visits = self.up(params, inputs)
            return logits, _push(visits, along, None)[0]

    def up(self, params: Sequence[Tensor], inputs: Tensor, keep: bool = False) -> tuple[Tensor, list[_Visit]]:
        """Return the logits, and the visit of every layer; ``keep`` each z, for a smoothed derivative."""
        visits: list[_Visit] = []
        for layer, weight, bias in zip(self._layers, params[::2], params[1::2], strict=True):
            outputs = layer.outputs(inputs, weight, bias)
            kept = outputs.clone() if keep else None
            outputs, point = layer.activate(outputs)
            visits.append(_Visit(layer, weight, inputs, point, outputs=kept))
            inputs = outputs
        return inputs, visits


def _pull(visits: list[_Visit], grad: Tensor, for_inputs: bool, keep: bool) -> tuple[list[Tensor], Tensor | None]:
    """Return the gradients for parameters and inputs from that for the logits; ``keep`` what `_pull_again` needs."""
    gradients: list[Tensor] = []
    for visit in reversed(visits):
        delta = visit.layer.back(grad, visit.point)
        gradients[:0] = visit.layer.for_weight(visit.inputs, delta)
        visit.kept = (grad, delta) if keep else None
        if visit is visits[0] and not for_inputs:
            return gradients, None
        grad = visit.layer.for_inputs(delta, visit.weight, visit.inputs.shape)
    return gradients, grad


def _push(visits: list[_Visit], along: Sequence[Tensor], inputs: Tensor | None) -> tuple[Tensor, list[_Tangent]]:
    """Return the logits' tangent, and that of every layer, along the parameters and inputs (`None` for zero)."""
    tangents: list[_Tangent] = []
    for visit, weight, bias in zip(visits, along[::2], along[1::2], strict=True):
        outputs = visit.layer.outputs(visit.inputs, weight, bias)
        if inputs is not None:
            outputs += visit.layer.outputs(inputs, visit.weight, None)
        whole = None if visit.outputs is None else outputs.clone()
        outputs, direction = visit.layer.along(outputs, visit.point)
        tangents.append((inputs, direction if whole is None else whole))
        inputs = outputs
    return outputs, tangents


def _pull_again(
    visits: list[_Visit],
    along: Sequence[Tensor],
    tangents: list[_Tangent],
    grad: Tensor,
    for_inputs: bool,
    smoothing: float | None = None,
) -> tuple[list[Tensor], Tensor | None]:
    """Return the derivatives of what `_pull` gave, for parameters and inputs; ``grad`` is the tangent of its argument."""
    gradients: list[Tensor] = []
    for visit, weight, (inputs, direction) in zip(visits[::-1], along[-2::-2], tangents[::-1], strict=True):
        assert visit.kept is not None, "the first way down kept nothing"
        above, first = visit.kept
        delta = visit.layer.back(grad, visit.point)
        bend = _bend(visit, above, direction, smoothing)
        delta = delta if bend is None else delta + bend
        of_weight, of_bias = visit.layer.for_weight(visit.inputs, delta)
        if inputs is not None:
            visit.layer.add_for_weight(of_weight, inputs, first)
        gradients[:0] = of_weight, of_bias
        if visit is visits[0] and not for_inputs:
            return gradients, None
        grad = visit.layer.for_inputs(delta, visit.weight, visit.inputs.shape)
        grad += visit.layer.for_inputs(first, weight, visit.inputs.shape)
    return gradients, grad


def _bend(visit: _Visit, above: Tensor, direction: Any, smoothing: float | None) -> Tensor | None:
    """Return Ḋᵀ g, the exact one or a smoothed one."""
    if smoothing is None or visit.outputs is None:
        return visit.layer.bend(above, visit.point, direction)
    function = visit.layer.smoothed(smoothing)
    return None if function is None else curvature(function, visit.outputs, above, direction)


class _Logits(Function):
    @staticmethod
    def forward(ctx: Any, chain: Chain, inputs: Tensor, *params: Tensor) -> Tensor:
        logits, ctx.visits = chain.up(params, inputs)
        ctx.save_for_backward(inputs, *params)
        return logits

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        for_inputs, keep = ctx.needs_input_grad[1], torch.is_grad_enabled()
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
        ctx.smoothing = chain.smoothing if keep else None
        logits, ctx.visits = chain.up(params, inputs, keep=ctx.smoothing is not None)
        with torch.enable_grad():
            ctx.top = logits.detach().requires_grad_(), labels.detach().requires_grad_()
            (ctx.grad,) = torch.autograd.grad(loss(*ctx.top).sum(), ctx.top[0], create_graph=keep)
        gradients, _ = _pull(ctx.visits, ctx.grad.detach(), for_inputs=False, keep=keep)
        return tuple(gradients)

    @staticmethod
    def backward(ctx: Any, *along: Tensor) -> tuple[Tensor | None, ...]:
        with torch.no_grad():
            tangent, tangents = _push(ctx.visits, along, None)
            # The second derivatives of the loss itself: by the logits, where they are symmetric, and by the labels.
            of_grad, of_labels = torch.autograd.grad(
                ctx.grad, ctx.top, tangent, retain_graph=True, materialize_grads=True
            )
            of_params, of_inputs = _pull_again(
                ctx.visits, along, tangents, of_grad, ctx.needs_input_grad[4], ctx.smoothing
            )
        return None, None, None, of_labels, of_inputs, *of_params

"""How a stack of K networks is computed: by the module's own forward, one after another or vmapped, or by other code."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .dropout import Dropout
from .initialise import Parameters
from .smoothing import Smoothed

__all__ = ["Backend", "Loop", "Loss", "Vmap"]

Loss = Callable[[Tensor, Tensor], Tensor]
"""Maps logits [K, B, outputs] and labels [B, outputs], or [K, B, outputs], to K losses, each of its own network alone."""


class Backend(ABC):
    """A function of K sets of parameters; see the methods of `distiller.networks.Stack` of the same names."""

    smoothing: float | None = None
    """The width over which the derivatives of `gradient` are smoothed, `None` for exact ones."""
    drops: ClassVar[bool] = False
    """Whether `dropout` is read."""
    dropout: Dropout | None = None

    @abstractmethod
    def logits(self, params: Parameters, inputs: Tensor) -> Tensor:
        """Return logits [K, B, outputs], twice differentiable by parameters and inputs."""

    def logits_of_many(self, params: Parameters, inputs: Tensor) -> Tensor:
        return self.logits(params, inputs)

    def gradient(self, params: Parameters, inputs: Tensor, labels: Tensor, loss: Loss) -> Parameters:
        graph = torch.is_grad_enabled()
        leaves = tuple(p if p.requires_grad else p.detach().requires_grad_() for p in params)
        smoothed = Smoothed(self.smoothing) if graph and self.smoothing is not None else nullcontext()
        with torch.enable_grad():
            with smoothed:
                logits = self.logits(leaves, inputs)
            total = loss(logits, labels).sum()
            return torch.autograd.grad(total, leaves, create_graph=graph, materialize_grads=True)

    def gradient_of_each(self, params: Parameters, inputs: Tensor, labels: Tensor, loss: Loss) -> Parameters:
        networks = zip(*(torch.split(p, 1) for p in params), inputs, labels, strict=True)
        with torch.no_grad():
            gradients = [self.gradient(tuple(one), x, q, loss) for *one, x, q in networks]
        return tuple(torch.cat(parts) for parts in zip(*gradients, strict=True))

    def tangent(self, params: Parameters, inputs: Tensor, along: Parameters) -> tuple[Tensor, Tensor]:
        logits, *tangents = torch.func.jvp(lambda *point: self.logits(point, inputs), params, along)
        return logits, tangents[0]


class _Own(Backend):
    """The module's own forward, by `torch.func.functional_call`."""

    def __init__(self, module: nn.Module, names: tuple[str, ...]) -> None:
        self._module = module
        self._names = names

    def _call(self, params: Parameters, inputs: Tensor) -> Tensor:
        """Compute one network; its buffers are constants, and follow the inputs' device and dtype."""
        values = {name: _like(buffer, inputs) for name, buffer in self._module.named_buffers()}
        values.update(zip(self._names, params, strict=True))
        logits: Tensor = functional_call(self._module, values, (inputs,))
        return logits


class Loop(_Own):
    """One network after another."""

    def logits(self, params: Parameters, inputs: Tensor) -> Tensor:
        # unbind, not indexing: its derivative is one stack, where each index would fill a whole [K, ...] with zeros.
        networks = zip(*(p.unbind() for p in params), strict=True)
        return torch.stack([self._call(network, inputs) for network in networks])


class Vmap(_Own):
    """All networks at once, by `torch.vmap`."""

    def logits(self, params: Parameters, inputs: Tensor) -> Tensor:
        logits: Tensor = torch.vmap(self._call, in_dims=(0, None))(params, inputs)
        return logits

    def gradient_of_each(self, params: Parameters, inputs: Tensor, labels: Tensor, loss: Loss) -> Parameters:
        leaves = tuple(p.detach().requires_grad_() for p in params)
        with torch.enable_grad():
            logits: Tensor = torch.vmap(self._call)(leaves, inputs)
            return torch.autograd.grad(loss(logits, labels).sum(), leaves, materialize_grads=True)


def _like(buffer: Tensor, inputs: Tensor) -> Tensor:
    return buffer.to(inputs.device, inputs.dtype if buffer.is_floating_point() else buffer.dtype)

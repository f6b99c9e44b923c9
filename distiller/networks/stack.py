"""K networks of one kind computed together: how a stack of parameters [K, ...] becomes logits [K, B, outputs].

Three backends give equal results and differ in time and memory: ``loop`` runs one network after another, ``vmap`` batches the
module's own forward with `torch.vmap`, ``batched`` is code that a network brings of its own. All are pure functions of
parameters and inputs, twice differentiable. Modules are used in evaluation mode throughout: dropout is off in inner steps, the
outer loss and tests alike, unless a recipe has it on in inner steps, as the published TextConvNet has; then it goes by key.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from .backends import Backend, Loop, Loss, Vmap
from .dropout import Dropout
from .error import NetworkError
from .initialise import Parameters, draw, slots

__all__ = ["Stack"]


class Stack:
    """One module, seen as a function of K sets of its parameters."""

    def __init__(
        self,
        module: nn.Module,
        backend: Literal["loop", "vmap", "batched"],
        smoothing: float | None = None,
        embedded: Callable[[Tensor], Tensor] | None = None,
        threshold: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        """Wrap ``module``, whose own parameters are only a pattern for names, shapes and initialisation.

        Inputs that are whole numbers, as sentences are, go through ``embedded`` first, whatever asks for their logits.

        ``smoothing`` is the width over which derivatives of `gradient` see ReLU and max-pooling switch, `None` for the exact
        ones, which are blind to it (`distiller.networks.smoothing`); values and gradients themselves are always exact.
        ``dropout`` is the share of features that inner steps drop (see `keyed`). Raises `NetworkError` where ``backend`` is
        ``batched`` and the network brings no such code, and for a dropout that the network's code does not have.
        """
        self.module, self.backend = module.eval(), backend
        self._slots = slots(self.module)
        self._backend = _backend(module, self.names, backend)
        self._backend.smoothing = smoothing
        if dropout and not self._backend.drops:
            kind = type(module).__name__
            raise NetworkError(
                f"dropout: {kind}, computed by {backend}, has none; textconvnet, batched, has; leave it out"
            )
        self._dropout = dropout
        self._key: Dropout | None = None
        self.embedded = embedded
        self.threshold = threshold
        """The logit above which one output says class 1; nothing here reads it, but all that judges logits."""

    def keyed(self, seeds: Sequence[int]) -> Stack:
        """Return the stack of K networks whose dropout goes by these ``seeds``; itself where nothing is dropped."""
        return self._dropping(Dropout(self._dropout, tuple(seeds))) if self._dropout else self

    def rows(self, rows: slice) -> Stack:
        """Return the stack of some of the networks that `keyed` named."""
        return self._dropping(self._key.rows(rows)) if self._key is not None else self

    def at(self, step: int) -> Stack:
        """Return the stack as it computes the inner ``step``: features drop, which `keyed` and nothing else brings about."""
        if self._key is None:
            return self
        other = copy.copy(self)
        other._backend = copy.copy(self._backend)
        other._backend.dropout = self._key.at(step)
        return other

    def _dropping(self, key: Dropout) -> Stack:
        other = copy.copy(self)
        other._key = key
        return other

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names, in the module's own order, which is that of `Parameters`."""
        return tuple(slot.name for slot in self._slots)

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The parameters' shapes in one network."""
        return tuple(slot.shape for slot in self._slots)

    @property
    def count(self) -> int:
        """Number of parameters of one network."""
        return sum(slot.size for slot in self._slots)

    def draw(self, scheme: str, seeds: Tensor, dtype: torch.dtype) -> Parameters:
        """Draw K networks from ``seeds`` int64 [K] on the seeds' device; see `distiller.networks.initialise`."""
        return draw(self._slots, scheme, seeds, dtype)

    def logits(self, params: Parameters, inputs: Tensor) -> Tensor:
        """Return logits [K, B, outputs] of K networks on inputs [B, *shape] that they share."""
        return self._backend.logits(params, self._floats(inputs))

    def logits_of_many(self, params: Parameters, inputs: Tensor) -> Tensor:
        """Return what `logits` returns, in the way that is fast for many inputs: real batches and tests."""
        return self._backend.logits_of_many(params, self._floats(inputs))

    def gradient(self, params: Parameters, inputs: Tensor, labels: Tensor, loss: Loss) -> Parameters:
        """Return the gradient of each network's own loss by its parameters, [K, ...] each.

        ``loss`` maps logits [K, B, outputs] and float ``labels`` [B, outputs] to K losses. The gradient is itself
        differentiable, once, by params, inputs and labels where they require it and gradients are enabled. It is what
        differentiating ``loss(logits(params, inputs), labels).sum()`` gives; where the backend is ``batched``, by the network's
        own code.
        """
        return self._backend.gradient(params, self._floats(inputs), labels, loss)

    def gradient_of_each(self, params: Parameters, inputs: Tensor, labels: Tensor, loss: Loss) -> Parameters:
        """Return what `gradient` returns, for inputs [K, B, *shape] and labels [K, B, outputs] of each network's own.

        It is not differentiable. With ``vmap`` all networks are computed at once; otherwise one after another, so that a
        network's gradient is the same to the bit whichever others are there.
        """
        return self._backend.gradient_of_each(params, self._floats(inputs), labels, loss)

    def tangent(self, params: Parameters, inputs: Tensor, along: Parameters) -> tuple[Tensor, Tensor]:
        """Return logits [K, B, outputs], and their derivative along the direction ``along`` of each network's parameters."""
        return self._backend.tangent(params, self._floats(inputs), along)

    def _floats(self, inputs: Tensor) -> Tensor:
        return inputs if self.embedded is None or inputs.is_floating_point() else self.embedded(inputs)


def _backend(module: nn.Module, names: tuple[str, ...], name: str) -> Backend:
    if name != "batched":
        return {"loop": Loop, "vmap": Vmap}[name](module, names)
    batched = getattr(module, "batched", None)
    if batched is None:
        raise NetworkError(f"{type(module).__name__} has no batched code of its own; backend loop or vmap computes it")
    backend: Backend = batched()
    return backend

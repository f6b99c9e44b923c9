"""K networks of one kind computed together: how a stack of parameters [K, ...] becomes logits [K, B, outputs].

Three backends give equal results and differ in time and memory: ``loop`` runs one network after another, ``vmap`` batches the
module's own forward with `torch.vmap`, ``batched`` is code that a network brings of its own. All are pure functions of
parameters and inputs, twice differentiable. Modules are used in evaluation mode throughout: dropout is off in inner steps, the
outer loss and tests alike, so that a result is a function of its recipe (the published TextConvNet leaves it on in inner steps).
"""

from __future__ import annotations

from typing import Literal, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call

from .chain import Loss
from .error import NetworkError
from .initialise import Parameters, Slot, draw, slots

__all__ = ["Backend", "Batched", "Stack"]

Backend = Literal["loop", "vmap", "batched"]


class Batched(Protocol):
    """A network's own code for a stack; see the methods of `Stack` of the same names."""

    def prepare(self, inputs: Tensor) -> Tensor: ...
    def logits(self, params: Parameters, prepared: Tensor) -> Tensor: ...
    def logits_raw(self, params: Parameters, inputs: Tensor) -> Tensor: ...
    def gradient(self, params: Parameters, prepared: Tensor, labels: Tensor, loss: Loss) -> Parameters: ...


class Stack:
    """One module, seen as a function of K sets of its parameters."""

    def __init__(self, module: nn.Module, backend: Backend) -> None:
        """Wrap ``module``, whose own parameters are only a pattern for names, shapes and initialisation.

        Raises `NetworkError` where ``backend`` is ``batched`` and the network brings no such code.
        """
        self.module = module.eval()
        self.backend = backend
        self.table: tuple[Slot, ...] = slots(module)
        self.names = tuple(slot.name for slot in self.table)
        self.shapes = tuple(slot.shape for slot in self.table)
        self.count = sum(slot.size for slot in self.table)
        self._code = _code(module, self.names, backend)

    def draw(self, scheme: str, seeds: Tensor, dtype: torch.dtype) -> Parameters:
        """Draw K networks from ``seeds`` int64 [K] on the seeds' device; see `distiller.networks.initialise`."""
        return draw(self.table, scheme, seeds, dtype)

    def prepare(self, inputs: Tensor) -> Tensor:
        """Map distilled inputs [B, *shape] to what `logits` takes: a fixed linear map, worth doing once for many steps."""
        return self._code.prepare(inputs)

    def logits(self, params: Parameters, prepared: Tensor) -> Tensor:
        """Return logits [K, B, outputs] of K networks on prepared inputs that they share."""
        return self._code.logits(params, prepared)

    def logits_raw(self, params: Parameters, inputs: Tensor) -> Tensor:
        """Return logits [K, B, outputs] of K networks on inputs [B, *shape] as they are: real batches and tests."""
        return self._code.logits_raw(params, inputs)

    def gradient(self, params: Parameters, prepared: Tensor, labels: Tensor, loss: Loss) -> Parameters:
        return self._code.gradient(params, prepared, labels, loss)


def _code(module: nn.Module, names: tuple[str, ...], backend: Backend) -> Batched:
    if backend == "loop":
        return _Loop(module, names)
    if backend == "vmap":
        return _Vmap(module, names)
    batched = getattr(module, "batched", None)
    if batched is None:
        raise NetworkError(f"{type(module).__name__} has no batched code of its own; backend loop or vmap computes it")
    code: Batched = batched()
    return code


class _Unprepared:
    """The backends that compute the module's own forward."""

    def __init__(self, module: nn.Module, names: tuple[str, ...]) -> None:
        self._module = module
        self._names = names

    def prepare(self, inputs: Tensor) -> Tensor:
        return inputs

    def logits(self, params: Parameters, prepared: Tensor) -> Tensor:
        return self.logits_raw(params, prepared)

    def logits_raw(self, params: Parameters, inputs: Tensor) -> Tensor:
        raise NotImplementedError

    def gradient(self, params: Parameters, prepared: Tensor, labels: Tensor, loss: Loss) -> Parameters:
        graph = torch.is_grad_enabled()
        with torch.enable_grad():
            total = loss(self.logits(params, prepared), labels).sum()
            return torch.autograd.grad(total, params, create_graph=graph, materialize_grads=True)

    def _call(self, params: Parameters, inputs: Tensor) -> Tensor:
        """Compute one network; buffers follow the inputs' device and dtype."""
        values = {name: _like(buffer, inputs) for name, buffer in self._module.named_buffers()}
        values.update(zip(self._names, params, strict=True))
        logits: Tensor = functional_call(self._module, values, (inputs,))
        return logits


class _Loop(_Unprepared):
    def logits_raw(self, params: Parameters, inputs: Tensor) -> Tensor:
        # unbind, not indexing: its derivative is one stack, where each index would fill a whole [K, ...] with zeros.
        networks = zip(*(p.unbind() for p in params), strict=True)
        return torch.stack([self._call(network, inputs) for network in networks])


class _Vmap(_Unprepared):
    def logits_raw(self, params: Parameters, inputs: Tensor) -> Tensor:
        logits: Tensor = torch.vmap(self._call, in_dims=(0, None))(params, inputs)
        return logits


def _like(buffer: Tensor, inputs: Tensor) -> Tensor:
    return buffer.to(inputs.device, inputs.dtype if buffer.is_floating_point() else buffer.dtype)

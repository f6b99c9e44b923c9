"""Networks cut before their last linear layer: the features that it reads, and the head that it is.

Any network fits whose logits are those of its last `torch.nn.Linear` and that calls this layer as a module; the cut is tried
once, so that a network for which that is not so is refused and not silently wrong.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .backends import Backend
from .batched import Batched
from .error import NetworkError, first_line
from .initialise import Parameters
from .layers import Layer
from .stack import Stack

__all__ = ["Headless"]


class Headless:
    """K networks of a stack as features [K, B, d + 1], of which the last is constantly 1, and heads [K, d + 1, outputs]."""

    def __init__(self, stack: Stack, shape: tuple[int, ...]) -> None:
        """Cut the networks of ``stack``, for inputs of ``shape``.

        Raises `NetworkError` where their logits are not those of a last linear layer with a bias.
        """
        name = _last_linear(stack.module)
        self._weight, self._bias = stack.names.index(f"{name}.weight"), stack.names.index(f"{name}.bias")
        cut = _Cut(stack.module, name)
        _try(stack.module, cut, name, shape)
        self.size = stack.shapes[self._weight][1] + 1
        """d + 1"""
        # Only a chain of layers can be cut as well; other batched code is left for the module's own.
        chain = isinstance(getattr(stack.module, "batched", lambda: None)(), Batched)
        self._body = Stack(
            cut, stack.backend if chain or stack.backend != "batched" else "loop", embedded=stack.embedded
        )

    def body(self, params: Parameters) -> Parameters:
        """Return the parameters of the features alone, out of those of whole networks."""
        return tuple(p for index, p in enumerate(params) if index not in (self._weight, self._bias))

    def whole(self, body: Parameters, heads: Tensor) -> Parameters:
        """Return the parameters of whole networks with these ``heads``; the other way round than `body`."""
        params = list(body)
        added = {self._weight: heads[:, :-1].mT.contiguous(), self._bias: heads[:, -1]}
        for index in sorted(added):
            params.insert(index, added[index])
        return tuple(params)

    def features(self, body: Parameters, inputs: Tensor) -> Tensor:
        """Return features [K, B, d + 1] of inputs [B, *shape], differentiable by parameters."""
        return F.pad(self._body.logits(body, inputs), (0, 1), value=1.0)

    def features_of_many(self, body: Parameters, inputs: Tensor) -> Tensor:
        """Return what `features` returns, in the way that is fast for many inputs."""
        return F.pad(self._body.logits_of_many(body, inputs), (0, 1), value=1.0)


class _Cut(nn.Module):
    """A network without its last linear layer, ``name``."""

    def __init__(self, network: nn.Module, name: str) -> None:
        super().__init__()
        self.network = copy.deepcopy(network)
        self._layers = getattr(network, "batched", None)
        parent, _, attribute = name.rpartition(".")
        setattr(self.network.get_submodule(parent), attribute, nn.Identity())

    def forward(self, inputs: Tensor) -> Tensor:
        features: Tensor = self.network(inputs)
        return features

    def batched(self) -> Backend:
        """Return the batched code of the network without its last layer."""
        if self._layers is None:
            raise NetworkError("the network has no batched code of its own; backend loop or vmap computes it")
        return _CutLayers(self._layers())


class _CutLayers(Batched):
    def __init__(self, whole: Batched) -> None:
        self._whole = whole
        self.most = whole.most  # type: ignore[misc]

    def layers(self, networks: int) -> list[Layer]:
        return self._whole.layers(networks)[:-1]


def _last_linear(module: nn.Module) -> str:
    found = [name for name, part in module.named_modules() if isinstance(part, nn.Linear) and name]
    if not found or module.get_submodule(found[-1]).bias is None:
        raise NetworkError(
            f"{type(module).__name__} has no last linear layer with a bias, which method ridge solves for"
        )
    last: str = found[-1]
    return last


def _try(module: nn.Module, cut: _Cut, name: str, shape: tuple[int, ...]) -> None:
    """Refuse a network whose logits are not what its last linear layer makes of the features."""
    kind = type(module).__name__
    sample = next(module.parameters())
    inputs = torch.linspace(-1, 1, 2 * int(torch.Size(shape).numel())).view(2, *shape).to(sample)
    head = module.get_submodule(name)
    try:
        with torch.no_grad():
            same = torch.allclose(head(cut(inputs)), module(inputs), rtol=1e-4, atol=1e-5)
    except Exception as error:
        raise NetworkError(f"{kind} cannot be cut before {name}, as method ridge wants: {first_line(error)}") from error
    if not same:
        raise NetworkError(
            f"{kind}: its logits are not those of {name}, the last linear layer, which method ridge solves for"
        )

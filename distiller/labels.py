"""Label distillation by a second-order step (Bohdal et al. 2020, arXiv 2006.08572, algorithm 1).

An online network θ is trained on base examples x with labels q. One inner step, looked at through the real data, tells how the
labels should have been:

    g = ∂/∂θ ℓ(θ; x, q)        θ' = θ - η g        L = mean cross-entropy of θ' on real examples

The labels' gradient is -η (∂g/∂q)ᵀ v with v = ∂L/∂θ'. As ℓ is the mean over m examples of -⟨q, s⟩, where s are the
log-probabilities, ⟨g, v⟩ is linear in q, and the gradient is (η / m) times the derivative of s along v: one Jacobian-vector
product of the network, no second derivative at all. Then θ itself takes a step of Adam along the same g.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from distiller.data import Examples
from distiller.losses import along_labels, cross_entropy, one_hot
from distiller.moments import moments_of, restore
from distiller.networks import Parameters, Stack
from distiller.state import grouped, within
from distiller.unroll import Score, outer_gradient

__all__ = ["NETWORK_LR", "SecondOrder"]

INNER_LR = 0.01
"""η; with labels that Adam moves, its size is of no consequence but for the curvature of the one step."""
NETWORK_LR = 1e-3
"""Adam's rate of networks, online and in evaluation."""


class SecondOrder:
    """One online network and its optimiser."""

    def __init__(self, stack: Stack, network: Parameters, real_chunk: int) -> None:
        """Start at ``network``, [1, ...] a parameter; ``real_chunk`` real examples are computed at once."""
        self._stack, self._real_chunk = stack, real_chunk
        self._named = {str(index): p.detach().clone() for index, p in enumerate(network)}
        self._adam = torch.optim.Adam(self._named.values(), lr=NETWORK_LR)
        self._gradient: Parameters = ()

    def label_gradient(self, inputs: Tensor, labels: Tensor, real: Examples, classes: int) -> tuple[Tensor, Score]:
        """Return ∂L/∂labels [m, outputs] of base examples ``inputs`` [m, *shape], and the scores of θ' on ``real``."""
        network = tuple(self._named.values())
        with torch.no_grad():
            self._gradient = self._stack.gradient(network, inputs, labels, cross_entropy)
            stepped = tuple(torch.sub(p, g, alpha=INNER_LR) for p, g in zip(network, self._gradient, strict=True))
        targets = one_hot(real.labels, classes).to(inputs.dtype)
        adjoint, score = outer_gradient(self._stack, stepped, real.inputs, targets, real.labels, self._real_chunk)
        logits, tangent = self._stack.tangent(network, inputs, adjoint)
        return along_labels(logits[0], tangent[0]).mul_(-INNER_LR), score

    def learn(self, labels: Tensor) -> None:
        """Take Adam's step along the g of the latest `label_gradient`, hence with the labels before their own step."""
        for p, g in zip(self._named.values(), self._gradient, strict=True):
            p.grad = g
        self._adam.step()

    def tensors(self) -> dict[str, Tensor]:
        """Return network and optimiser, on the CPU, as `load` reads them."""
        network = {name: p.cpu().clone() for name, p in self._named.items()}
        return grouped("network", network) | grouped("adam", moments_of(self._adam, self._named))

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from what `tensors` returned."""
        for name, p in self._named.items():
            p.copy_(tensors[f"network.{name}"])
        restore(self._adam, self._named, within("adam", tensors))

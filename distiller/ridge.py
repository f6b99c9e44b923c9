"""Label distillation by ridge regression (Bohdal et al. 2020, arXiv 2006.08572, section 3.3): first-order all the way.

The last layer of a network is solved for, not trained. On features A [m, d] of base examples (the last of them constantly 1) with
labels q,

    ridge   w* = Aᵀ (A Aᵀ + λ I)⁻¹ q          mixed   w <- (1 - α) w + α w*

The outer loss is that of logits a F w on features F of real examples, a a learned scale, and reaches q through α w* alone: the
labels' gradient is α (A Aᵀ + λ I)⁻¹ A ∂L/∂w. The other layers, and a, take a step of Adam on the base examples with their labels
as just updated, a gradient that flows through w* too. Networks that are trained on the result go the same way, with w from zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from distiller.data import Examples
from distiller.labels import NETWORK_LR
from distiller.losses import correct, cross_entropy, one_hot
from distiller.moments import moments_of, restore
from distiller.networks import Headless, Parameters, Stack
from distiller.state import grouped, within
from distiller.unroll import Score

__all__ = ["RidgeNetworks", "ridge", "train_by_ridge"]

PENALTY = 1.0
"""λ"""
MIXING = 0.01
"""α; a head needs some hundreds of steps from zero."""
SCALE_LR = 0.01
"""Adam's rate of a."""


def ridge(features: Tensor, labels: Tensor) -> Tensor:
    """Return w* [K, d, outputs] of ``features`` [K, m, d] and ``labels`` [m, outputs], or right-hand sides [K, m, outputs]."""
    return features.mT @ _solve(features, labels)


def _solve(features: Tensor, right: Tensor) -> Tensor:
    """Return (A Aᵀ + λ I)⁻¹ right; what is not finite is passed on, not raised."""
    gram = features @ features.mT
    gram = gram + PENALTY * torch.eye(len(gram[0]), dtype=gram.dtype, device=gram.device)
    solution: Tensor = torch.linalg.solve_ex(gram, right.expand(len(gram), -1, -1)).result
    return solution


class RidgeNetworks:
    """K networks: their bodies and scales, which Adam moves, and their heads, which are mixed."""

    def __init__(
        self, stack: Stack, networks: Parameters, shape: tuple[int, ...], outputs: int, lr: float = NETWORK_LR
    ) -> None:
        """Start at the bodies of ``networks``, [K, ...] a parameter, for inputs of ``shape``, with heads of zero.

        ``lr`` is Adam's rate of bodies.
        Raises `NetworkError` where the networks have no last linear layer.
        """
        self._headless, self._threshold = Headless(stack, shape), stack.threshold
        bodies = self._headless.body(networks)
        self._named = {str(index): p.detach().clone().requires_grad_() for index, p in enumerate(bodies)}
        self._scale = torch.ones(len(bodies[0]), 1, 1, dtype=bodies[0].dtype, device=bodies[0].device).requires_grad_()
        self._heads = self._scale.new_zeros(len(bodies[0]), self._headless.size, outputs)
        self._adam = torch.optim.Adam(
            [{"params": [*self._named.values()], "lr": lr}, {"params": [self._scale], "lr": SCALE_LR}]
        )
        self._features = self._mixed = self._heads

    def see(self, inputs: Tensor, labels: Tensor) -> None:
        """Mix the ridge solution of base examples [m, *shape] into the heads."""
        with torch.enable_grad():
            self._features = self._headless.features(tuple(self._named.values()), inputs)
            self._mixed = (1 - MIXING) * self._heads + MIXING * ridge(self._features, labels)
        self._heads = self._mixed.detach()

    def label_gradient(self, inputs: Tensor, labels: Tensor, real: Examples, classes: int) -> tuple[Tensor, Score]:
        """Mix as `see` does; return ∂L/∂labels [m, outputs], summed over networks, and their scores on ``real``."""
        self.see(inputs, labels)
        with torch.no_grad():
            features = self._headless.features_of_many(tuple(self._named.values()), real.inputs)
        heads = self._heads.clone().requires_grad_()
        with torch.enable_grad():
            logits = self._scale.detach() * (features @ heads)
            losses = cross_entropy(logits, one_hot(real.labels, classes).to(inputs.dtype))
        (by_head,) = torch.autograd.grad(losses.sum(), heads)
        base = self._features.detach()
        gradient = MIXING * _solve(base, base @ by_head)
        right = correct(logits.detach(), real.labels, self._threshold).to(torch.float64) / len(real)
        return gradient.sum(0), Score(losses.detach(), right)

    def learn(self, labels: Tensor) -> None:
        """Take Adam's step of bodies and scales on the base examples last seen, with these ``labels``."""
        leaves = [*self._named.values(), self._scale]
        with torch.enable_grad():
            loss = cross_entropy(self._scale * (self._features @ self._mixed), labels).sum()
        for leaf, gradient in zip(leaves, torch.autograd.grad(loss, leaves), strict=True):
            leaf.grad = gradient
        self._adam.step()

    def networks(self) -> Parameters:
        """Return whole networks with their heads; the scale, which is no part of them, changes no class."""
        return self._headless.whole(tuple(p.detach() for p in self._named.values()), self._heads)

    def tensors(self) -> dict[str, Tensor]:
        """Return networks and optimiser, on the CPU, as `load` reads them."""
        named = self._named | {"scale": self._scale}
        values = {name: p.detach().cpu().clone() for name, p in (named | {"heads": self._heads}).items()}
        return grouped("network", values) | grouped("adam", moments_of(self._adam, named))

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from what `tensors` returned."""
        named = self._named | {"scale": self._scale}
        with torch.no_grad():
            for name, p in (named | {"heads": self._heads}).items():
                p.copy_(tensors[f"network.{name}"])
        restore(self._adam, named, within("adam", tensors))


def train_by_ridge(
    stack: Stack, parameters: Parameters, batches: Iterable[tuple[Tensor, Tensor]], lr: float
) -> Parameters:
    """Train K networks, [K, ...] each, by one step for each (inputs, labels), their bodies by Adam at the rate ``lr``.

    Of the heads they had, nothing is left. Raises `NetworkError` where the networks have no last linear layer.
    """
    trained: RidgeNetworks | None = None
    for inputs, labels in batches:
        trained = trained or RidgeNetworks(stack, parameters, tuple(inputs.shape[1:]), labels.shape[-1], lr)
        trained.see(inputs, labels)
        trained.learn(labels)
    return parameters if trained is None else trained.networks()

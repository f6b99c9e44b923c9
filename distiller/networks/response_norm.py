"""Local response normalisation (Krizhevsky et al. 2012, section 3.3) with the derivatives that a chain of layers needs.

    y = x s^(-3/4),      s = 1 + a B(x²)

where B sums over a band of four channels, two before and one after, and a is the 2018 code's 0.001 / 9 over the four of the band:
`torch.nn.functional.local_response_norm(x, 4, 0.001 / 9, 0.75, 1)`, on whose three-dimensional pooling and power a plain
AlexCifarNet spends a quarter of its time.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["ResponseNorm", "local_response_norm"]

_SCALE = 0.001 / 9 / 4
_BEFORE, _AFTER = 2, 1


def local_response_norm(inputs: Tensor) -> Tensor:
    """Return y of x [B, C, H, W], by operations that torch differentiates and batches."""
    squares = torch.nn.functional.pad(inputs * inputs, (0, 0, 0, 0, _BEFORE, _AFTER))
    C = inputs.shape[-3]
    sums = torch.stack([squares.narrow(-3, start, C) for start in range(_BEFORE + _AFTER + 1)]).sum(0)
    root = torch.rsqrt(sums * _SCALE + 1)
    return inputs * root * torch.sqrt(root)


class ResponseNorm:
    """The normalisation of K networks' channels [B, K * C, H, W], at one point x."""

    def __init__(self, inputs: Tensor, networks: int) -> None:
        self.inputs = inputs
        self._networks = networks
        sums = self._band(inputs * inputs).mul_(_SCALE).add_(1)
        self._inverse = sums.reciprocal()
        root = sums.rsqrt_()
        self._factor = root.sqrt().mul_(root)  # s^(-3/4)

    def value(self) -> Tensor:
        """Return y."""
        return self.inputs * self._factor

    def along(self, tangent: Tensor) -> Tensor:
        """Return D ẋ = s^(-3/4) (ẋ - 3/2 a x / s B(x ẋ))."""
        sums = self._band(self.inputs * tangent).mul_(1.5 * _SCALE)
        return sums.mul_(self.inputs).mul_(self._inverse).neg_().add_(tangent).mul_(self._factor)

    def back(self, grad: Tensor) -> Tensor:
        """Return Dᵀ g = h - 3/2 a x Bᵀ(h x / s), with h = g s^(-3/4)."""
        scaled = grad * self._factor
        sums = self._band_back((scaled * self.inputs).mul_(self._inverse)).mul_(1.5 * _SCALE)
        return scaled.sub_(sums.mul_(self.inputs))

    def bend(self, grad: Tensor, tangent: Tensor) -> Tensor:
        """Return Ḋᵀ g along ẋ: the product rule on `back`, with h / s = g s^(-7/4) and ṡ / s = 2 a B(x ẋ) / s."""
        scaled = (grad * self._factor).mul_(self._inverse)
        rise = self._band(self.inputs * tangent).mul_(2 * _SCALE)
        first = self._band_back(scaled * self.inputs).mul_(tangent)
        moved = (self.inputs * rise).mul_(self._inverse).mul_(-1.75).add_(tangent)
        second = self._band_back(moved.mul_(scaled)).mul_(self.inputs)
        return scaled.mul_(rise).mul_(-0.75).sub_(first.add_(second), alpha=1.5 * _SCALE)

    def _band(self, values: Tensor) -> Tensor:
        return self._sum(values, _BEFORE, _AFTER)

    def _band_back(self, values: Tensor) -> Tensor:
        return self._sum(values, _AFTER, _BEFORE)

    def _sum(self, values: Tensor, before: int, after: int) -> Tensor:
        """Return the sum over each network's channels from ``before`` before to ``after`` after, in storage of its own."""
        values = torch.unflatten(values, 1, (self._networks, -1))
        total = values.clone()
        C = values.shape[2]
        for step in range(1, before + 1):
            total.narrow(2, step, C - step).add_(values.narrow(2, 0, C - step))
        for step in range(1, after + 1):
            total.narrow(2, 0, C - step).add_(values.narrow(2, step, C - step))
        return total.flatten(1, 2)

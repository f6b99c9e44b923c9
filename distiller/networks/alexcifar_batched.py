"""K AlexCifarNets as a chain of layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .batched import Batched
from .convolution import Convolution
from .layers import Convolutional, Layer, Rectified, where_positive
from .response_norm import ResponseNorm, local_response_norm
from .smoothing import pooled, rectified

__all__ = ["BatchedAlexCifarNet"]


class BatchedAlexCifarNet(Batched):
    """A stack of AlexCifarNets."""

    most = 64

    def layers(self, networks: int) -> list[Layer]:
        first, second = Convolution(5, padding=2), Convolution(5, padding=2, groups=networks)
        return [_First(networks, first), _Second(networks, second), Rectified(), Rectified(), Layer()]


class _Pooling(Convolutional):
    """What both blocks share: overlapping max-pooling, in windows of 3 x 3 pixels 2 apart."""

    def _pool(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        pooled, index = F.max_pool2d(pictures, 3, 2, 1, return_indices=True)
        return pooled, index

    def _choose(self, tangent: Tensor, index: Tensor) -> Tensor:
        return self.product.order(tangent.flatten(2).gather(2, index.flatten(2)).view(index.shape))

    def _unpool(self, grad: Tensor, index: Tensor) -> Tensor:
        B, C, H, W = grad.shape
        blank = self.product.blank(torch.Size((B, C, 2 * H, 2 * W)), grad)
        spread: Tensor = torch.ops.aten.max_pool2d_with_indices_backward(
            self.product.order(grad), blank, (3, 3), (2, 2), (1, 1), (1, 1), False, index
        )
        return spread

    def _normalised(self, pictures: Tensor) -> Tensor:
        """Return the response normalisation of each network's own channels, differentiable by autograd."""
        B, C, H, W = pictures.shape
        return local_response_norm(pictures.reshape(B * self.networks, -1, H, W)).view(B, C, H, W)


class _First(_Pooling):
    """Convolution, pooling, ReLU, normalisation."""

    def activate(self, outputs: Tensor) -> tuple[Tensor, Any]:
        hidden, index = self._pool(outputs)
        norm = ResponseNorm(hidden.relu_(), self.networks)
        return norm.value(), (index, norm)

    def along(self, tangent: Tensor, point: Any) -> tuple[Tensor, Any]:
        index, norm = point
        rectified = where_positive(self._choose(tangent, index), norm.inputs)
        return norm.along(rectified), rectified

    def back(self, grad: Tensor, point: Any) -> Tensor:
        index, norm = point
        return self._unpool(where_positive(norm.back(grad), norm.inputs), index)

    def bend(self, grad: Tensor, point: Any, direction: Any) -> Tensor:
        index, norm = point
        return self._unpool(where_positive(norm.bend(grad, direction), norm.inputs), index)

    def smoothed(self, width: float) -> Callable[[Tensor], Tensor]:
        return lambda outputs: self._normalised(rectified(pooled(outputs, 3, 2, 1, width), width))


class _Second(_Pooling):
    """Convolution, ReLU, normalisation, pooling; flattened to [K, B, 4096]."""

    def activate(self, outputs: Tensor) -> tuple[Tensor, Any]:
        norm = ResponseNorm(outputs.relu_(), self.networks)
        hidden, index = self._pool(norm.value())
        return self.flat(hidden), (index, norm)

    def along(self, tangent: Tensor, point: Any) -> tuple[Tensor, Any]:
        index, norm = point
        rectified = where_positive(tangent, norm.inputs)
        return self.flat(self._choose(norm.along(rectified), index)), rectified

    def back(self, grad: Tensor, point: Any) -> Tensor:
        index, norm = point
        return where_positive(norm.back(self._unpool(self.pictures(grad, 8), index)), norm.inputs)

    def bend(self, grad: Tensor, point: Any, direction: Any) -> Tensor:
        index, norm = point
        return where_positive(norm.bend(self._unpool(self.pictures(grad, 8), index), direction), norm.inputs)

    def smoothed(self, width: float) -> Callable[[Tensor], Tensor]:
        return lambda outputs: self.flat(pooled(self._normalised(rectified(outputs, width)), 3, 2, 1, width))

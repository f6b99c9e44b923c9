"""K LeNets as a chain of layers.

The first convolution and its pooling are one: a 5 x 5 convolution followed by 2 x 2 pooling is a 6 x 6 convolution of stride 2
with four shifted copies of the weight, followed by a maximum over the four. That maximum runs over whole slabs of memory, where
pooling pictures of six channels takes half of a plain LeNet's time on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .batched import Batched
from .convolution import Convolution
from .layers import Convolutional, Layer, Rectified, where_positive
from .smoothing import largest, pooled, rectified

__all__ = ["BatchedLeNet"]

_SHIFTS = [(down, right) for down in (0, 1) for right in (0, 1)]


class BatchedLeNet(Batched):
    """A stack of LeNets whose first convolution pads by ``padding``."""

    most = 256

    def __init__(self, padding: int) -> None:
        self._padding = padding

    def layers(self, networks: int) -> list[Layer]:
        several = networks > 1
        first = Convolution(6, stride=2, padding=self._padding, channels_last=several)
        second = Convolution(5, groups=networks, channels_last=several)
        return [_First(networks, first), _Second(networks, second), Rectified(), Rectified(), Layer()]


class _First(Convolutional):
    """Convolution of shared inputs [B, C, H, W] to four shifted copies [B, 4 * K * 6, 14, 14], maximum over them, ReLU."""

    def outputs(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return self.product.outputs(inputs, _shifted(weight), None if bias is None else bias.flatten().repeat(4))

    def for_inputs(self, grad: Tensor, weight: Tensor, shape: torch.Size) -> Tensor:
        return self.product.for_inputs(grad, _shifted(weight), shape)

    def for_weight(self, inputs: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
        weight, bias = self.product.for_weight(inputs, grad)
        copies = zip(weight.view(4, self.networks, 6, *weight.shape[1:]), _SHIFTS, strict=True)
        parts = [copy[..., down : down + 5, right : right + 5] for copy, (down, right) in copies]
        return torch.stack(parts).sum(0), bias.view(4, self.networks, 6).sum(0)

    def activate(self, outputs: Tensor) -> tuple[Tensor, Any]:
        pooled, index = F.max_pool2d(_slabs(outputs), (4, 1), return_indices=True)
        pooled = pooled.relu_()
        return _pictures(pooled, outputs), (index, pooled)

    def along(self, tangent: Tensor, point: Any) -> tuple[Tensor, Any]:
        index, pooled = point
        return _pictures(where_positive(_slabs(tangent).gather(2, index), pooled), tangent), None

    def back(self, grad: Tensor, point: Any) -> Tensor:
        index, pooled = point
        B, C, H, W = grad.shape
        plain = len(pooled) == B
        memory = grad if plain else grad.permute(0, 2, 3, 1)
        masked = where_positive(memory.reshape(len(pooled), -1), pooled.flatten(1))
        slabs = _unpool(masked[:, None, None], (4, 1), index)
        return slabs.view(B, 4 * C, H, W) if plain else slabs.view(B, H, W, 4 * C).permute(0, 3, 1, 2)

    def smoothed(self, width: float) -> Callable[[Tensor], Tensor]:
        return lambda outputs: rectified(largest(torch.unflatten(outputs, 1, (4, -1)).movedim(1, -1), width), width)


class _Second(Convolutional):
    """Convolution [B, K * 6, 14, 14] to [B, K * 16, 10, 10], each network its own; pooling, ReLU; flattened to [K, B, 400]."""

    def outputs(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        # Pooling wants channels last even where the convolution does not.
        return super().outputs(inputs, weight, bias).contiguous(memory_format=torch.channels_last)

    def activate(self, outputs: Tensor) -> tuple[Tensor, Any]:
        pooled, index = F.max_pool2d(outputs, 2, return_indices=True)
        hidden = self.flat(pooled.relu_())
        return hidden, (index, hidden)

    def along(self, tangent: Tensor, point: Any) -> tuple[Tensor, Any]:
        index, hidden = point
        return where_positive(self.flat(tangent.flatten(2).gather(2, index.flatten(2))), hidden), None

    def back(self, grad: Tensor, point: Any) -> Tensor:
        index, hidden = point
        pixels = self.pictures(where_positive(grad, hidden), 5).permute(0, 2, 3, 1).contiguous()
        return _unpool(pixels, (2, 2), index).permute(0, 3, 1, 2)

    def smoothed(self, width: float) -> Callable[[Tensor], Tensor]:
        return lambda outputs: self.flat(rectified(pooled(outputs, 2, 2, 0, width), width))


def _shifted(weight: Tensor) -> Tensor:
    """Return the copies of [K, 6, C, 5, 5] at the four places of a 6 x 6 window: [4 * K * 6, C, 6, 6]."""
    return torch.stack([F.pad(weight, (right, 1 - right, down, 1 - down)) for down, right in _SHIFTS]).flatten(0, 2)


def _slabs(outputs: Tensor) -> Tensor:
    """See [B, 4 * C, H, W] as channels-last pictures of 4 x 1 pixels, without a copy, whichever memory order it has."""
    if outputs.is_contiguous():
        return outputs.view(len(outputs), 4, 1, -1).permute(0, 3, 1, 2)
    B, C, H, W = outputs.shape
    return outputs.permute(0, 2, 3, 1).view(B * H * W, 4, 1, C // 4).permute(0, 3, 1, 2)


def _pictures(pooled: Tensor, outputs: Tensor) -> Tensor:
    """See slabs pooled to one pixel as [B, C, H, W] again, in the memory order of ``outputs``."""
    B, _, H, W = outputs.shape
    memory = pooled.permute(0, 2, 3, 1)
    return memory.view(B, -1, H, W) if outputs.is_contiguous() else memory.view(B, H, W, -1).permute(0, 3, 1, 2)


def _unpool(grad: Tensor, window: tuple[int, int], index: Tensor) -> Tensor:
    """Return the derivative of max-pooling in windows that do not overlap, from and to [B, H, W, C]."""
    B, H, W, C = grad.shape
    # Only the pictures' shape and memory order matter to this derivative; nothing reads or fills these.
    blank = grad.new_empty(B, H * window[0], W * window[1], C).permute(0, 3, 1, 2)
    spread: Tensor = torch.ops.aten.max_pool2d_with_indices_backward(
        grad.permute(0, 3, 1, 2), blank, window, window, (0, 0), (1, 1), False, index
    )
    return spread.permute(0, 2, 3, 1)

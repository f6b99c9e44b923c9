"""K LeNets as a chain of layers.

The first convolution and its pooling are one: a 5 x 5 convolution followed by 2 x 2 pooling is a 6 x 6 convolution of stride 2
with four shifted copies of the weight, followed by a maximum over the four. That maximum runs over whole slabs of memory, where
pooling pictures of six channels takes half of a plain LeNet's time on a CPU.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .chain import Chain, Layer, Loss
from .convolution import Convolution
from .initialise import Parameters

__all__ = ["BatchedLeNet"]

_SHIFTS = [(down, right) for down in (0, 1) for right in (0, 1)]


class BatchedLeNet:
    """The functions of a stack of LeNets (see `distiller.networks.stack.Batched`)."""

    def __init__(self, padding: int) -> None:
        self._padding = padding

    def prepare(self, inputs: Tensor) -> Tensor:
        return inputs

    def logits(self, params: Parameters, prepared: Tensor) -> Tensor:
        return self._chain(params).logits(params, prepared)

    def logits_raw(self, params: Parameters, inputs: Tensor) -> Tensor:
        return self._chain(params).logits(params, inputs)

    def gradient(self, params: Parameters, prepared: Tensor, labels: Tensor, loss: Loss) -> Parameters:
        return self._chain(params).gradient(params, prepared, labels, loss)

    def _chain(self, params: Parameters) -> Chain:
        K = len(params[0])
        return Chain([_First(K, self._padding), _Second(K), Rectified(), Rectified(), Layer()])


class _First(Layer):
    """Convolution of shared inputs [B, C, H, W] to four shifted copies [B, 4 * K * 6, 14, 14], max-pooling over them, ReLU."""

    def __init__(self, networks: int, padding: int) -> None:
        self._networks = networks
        self._product = Convolution(networks > 1, stride=2, padding=padding)

    def outputs(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return self._product.outputs(inputs, _shifted(weight), None if bias is None else bias.flatten().repeat(4))

    def for_inputs(self, grad: Tensor, weight: Tensor, shape: torch.Size) -> Tensor:
        return self._product.for_inputs(grad, _shifted(weight), shape)

    def for_weight(self, inputs: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
        K, C = self._networks, inputs.shape[1]
        weight, bias = self._product.for_weight(inputs, grad, torch.Size((4 * K * 6, C, 6, 6)))
        copies = zip(weight.view(4, K, 6, C, 6, 6), _SHIFTS, strict=True)
        parts = [copy[..., down : down + 5, right : right + 5] for copy, (down, right) in copies]
        return torch.stack(parts).sum(0), bias.view(4, K, 6).sum(0)

    def add_for_weight(self, total: Tensor, inputs: Tensor, grad: Tensor) -> None:
        total += self.for_weight(inputs, grad)[0]

    def activate(self, outputs: Tensor) -> tuple[Tensor, Any]:
        pooled, index = F.max_pool2d(_slabs(outputs), (4, 1), return_indices=True)
        pooled = pooled.relu_()
        return _picture(pooled, outputs), (index, pooled)

    def along(self, tangent: Tensor, point: Any) -> Tensor:
        index, pooled = point
        return _picture(_where_positive(_slabs(tangent).gather(2, index), pooled), tangent)

    def back(self, grad: Tensor, point: Any) -> Tensor:
        index, pooled = point
        plain = len(pooled) == len(grad)
        memory = grad if plain else grad.permute(0, 2, 3, 1)
        flat = memory.reshape(len(pooled), 1, 1, -1).permute(0, 3, 1, 2)
        slabs = _unpool(_where_positive(flat, pooled), (4, 1), (4, 1), index).permute(0, 2, 3, 1)
        B, C, H, W = grad.shape
        return slabs.view(B, 4 * C, H, W) if plain else slabs.view(B, H, W, 4 * C).permute(0, 3, 1, 2)


class _Second(Layer):
    """Convolution [B, K * 6, 14, 14] to [B, K * 16, 10, 10], each network its own; pooling, ReLU, flattening to [K, B, 400]."""

    def __init__(self, networks: int) -> None:
        self._networks = networks
        self._product = Convolution(networks > 1, groups=networks)

    def outputs(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        outputs = self._product.outputs(inputs, weight.flatten(0, 1), None if bias is None else bias.flatten())
        return outputs.contiguous(memory_format=torch.channels_last)

    def for_inputs(self, grad: Tensor, weight: Tensor, shape: torch.Size) -> Tensor:
        return self._product.for_inputs(grad, weight.flatten(0, 1), shape)

    def for_weight(self, inputs: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
        K = self._networks
        weight, bias = self._product.for_weight(inputs, grad, torch.Size((K * 16, 6, 5, 5)))
        return weight.view(K, 16, 6, 5, 5), bias.view(K, 16)

    def add_for_weight(self, total: Tensor, inputs: Tensor, grad: Tensor) -> None:
        total += self.for_weight(inputs, grad)[0]

    def activate(self, outputs: Tensor) -> tuple[Tensor, Any]:
        pooled, index = F.max_pool2d(outputs, 2, return_indices=True)
        hidden = self._flatten(pooled.relu_())
        return hidden, (index, hidden)

    def along(self, tangent: Tensor, point: Any) -> Tensor:
        index, hidden = point
        return _where_positive(self._flatten(tangent.flatten(2).gather(2, index.flatten(2))), hidden)

    def back(self, grad: Tensor, point: Any) -> Tensor:
        index, hidden = point
        K, B, _ = grad.shape
        picture = _where_positive(grad, hidden).view(K, B, 16, 5, 5).permute(1, 3, 4, 0, 2).reshape(B, 5, 5, K * 16)
        return _unpool(picture.permute(0, 3, 1, 2), (10, 10), (2, 2), index)

    def _flatten(self, pooled: Tensor) -> Tensor:
        return pooled.reshape(len(pooled), self._networks, 400).transpose(0, 1).contiguous()


class Rectified(Layer):
    """A linear layer with a ReLU after it."""

    def activate(self, outputs: Tensor) -> tuple[Tensor, Any]:
        hidden = outputs.relu_()
        return hidden, hidden

    def along(self, tangent: Tensor, point: Any) -> Tensor:
        return _where_positive(tangent, point)

    def back(self, grad: Tensor, point: Any) -> Tensor:
        return _where_positive(grad, point)


def _shifted(weight: Tensor) -> Tensor:
    """Return the copies of [K, 6, C, 5, 5] at the four places of a 6 x 6 window: [4 * K * 6, C, 6, 6]."""
    return torch.stack([F.pad(weight, (right, 1 - right, down, 1 - down)) for down, right in _SHIFTS]).flatten(0, 2)


def _slabs(outputs: Tensor) -> Tensor:
    """See [B, 4 * C, H, W] as channels-last pictures of 4 x 1 pixels, without a copy, whichever memory order it has."""
    if outputs.is_contiguous():
        return outputs.view(len(outputs), 4, 1, -1).permute(0, 3, 1, 2)
    B, C, H, W = outputs.shape
    return outputs.permute(0, 2, 3, 1).view(B * H * W, 4, 1, C // 4).permute(0, 3, 1, 2)


def _picture(pooled: Tensor, outputs: Tensor) -> Tensor:
    """See slabs pooled to one pixel as [B, C, H, W] again, in the memory order of ``outputs``."""
    B, _, H, W = outputs.shape
    memory = pooled.permute(0, 2, 3, 1)
    return memory.view(B, -1, H, W) if outputs.is_contiguous() else memory.view(B, H, W, -1).permute(0, 3, 1, 2)


def _where_positive(values: Tensor, hidden: Tensor) -> Tensor:
    masked: Tensor = torch.ops.aten.threshold_backward(values, hidden, 0)
    return masked


def _unpool(grad: Tensor, size: tuple[int, int], kernel: tuple[int, int], index: Tensor) -> Tensor:
    """Return the derivative of max-pooling to ``grad`` from channels-last pictures [B, C, *size]."""
    # Strides of a single pixel say nothing of the memory order unless they are written down: the derivative goes by them.
    B, C, H, W = grad.shape
    grad = grad.permute(0, 2, 3, 1).reshape(B * H * W * C).view(B, H, W, C).permute(0, 3, 1, 2)
    # Of the pictures only shape and memory order matter; nothing reads or fills these.
    pictures = grad.new_empty(B, *size, C).permute(0, 3, 1, 2)
    spread: Tensor = torch.ops.aten.max_pool2d_with_indices_backward(
        grad, pictures, kernel, kernel, (0, 0), (1, 1), False, index
    )
    return spread

"""K AlexCifarNets as a chain of layers."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .chain import Chain, Layer, Loss
from .convolution import Convolution
from .initialise import Parameters
from .lenet_batched import Rectified

__all__ = ["BatchedAlexCifarNet"]

_ALPHA = 0.001 / 9 / 4


class BatchedAlexCifarNet:
    """The functions of a stack of AlexCifarNets (see `distiller.networks.stack.Batched`)."""

    def prepare(self, inputs: Tensor) -> Tensor:
        return inputs

    def logits(self, params: Parameters, prepared: Tensor) -> Tensor:
        return self._chain(params).logits(params, prepared)

    def logits_raw(self, params: Parameters, inputs: Tensor) -> Tensor:
        parts = zip(*(p.split(1) for p in params), strict=True)
        return torch.cat([self._chain(part).logits(part, inputs) for part in parts])

    def gradient(self, params: Parameters, prepared: Tensor, labels: Tensor, loss: Loss) -> Parameters:
        return self._chain(params).gradient(params, prepared, labels, loss)

    def _chain(self, params: Parameters) -> Chain:
        K = len(params[0])
        return Chain([_First(K, 1), _Second(K, K), Rectified(), Rectified(), Layer()])


class _Block(Layer):
    def __init__(self, networks: int, groups: int) -> None:
        self._networks = networks
        self._product = Convolution(True, groups=groups, padding=2)

    def outputs(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return self._product.outputs(inputs, weight.flatten(0, 1), None if bias is None else bias.flatten())

    def for_inputs(self, grad: Tensor, weight: Tensor, shape: torch.Size) -> Tensor:
        return self._product.for_inputs(grad, weight.flatten(0, 1), shape)

    def for_weight(self, inputs: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
        K = self._networks
        size = torch.Size((K * 64, inputs.shape[1] // self._product.groups, 5, 5))
        weight, bias = self._product.for_weight(inputs, grad, size)
        return weight.unflatten(0, (K, 64)), bias.view(K, 64)

    def add_for_weight(self, total: Tensor, inputs: Tensor, grad: Tensor) -> None:
        total += self.for_weight(inputs, grad)[0]


class _First(_Block):
    """Convolution, pooling, ReLU, normalisation."""

    def activate(self, outputs: Tensor) -> tuple[Tensor, Any]:
        hidden, pool = _Pool.of(outputs)
        norm = _Norm(hidden.relu_(), self._networks)
        return norm.value(), (pool, norm)

    def along(self, tangent: Tensor, point: Any) -> Tensor:
        pool, norm = point
        return norm.along(_where_positive(pool.along(tangent), norm.inputs))

    def back(self, grad: Tensor, point: Any) -> Tensor:
        pool, norm = point
        return pool.back(_where_positive(norm.back(grad), norm.inputs))

    def bend(self, grad: Tensor, tangent: Tensor, point: Any) -> Tensor | None:
        pool, norm = point
        tangent = _where_positive(pool.along(tangent), norm.inputs)
        return pool.back(_where_positive(norm.bend(grad, tangent), norm.inputs))


class _Second(_Block):
    """Convolution, ReLU, normalisation, pooling; flattening to [K, B, 4096]."""

    def activate(self, outputs: Tensor) -> tuple[Tensor, Any]:
        norm = _Norm(outputs.relu_(), self._networks)
        hidden, pool = _Pool.of(norm.value())
        return self._flatten(hidden), (pool, norm)

    def along(self, tangent: Tensor, point: Any) -> Tensor:
        pool, norm = point
        return self._flatten(pool.along(norm.along(_where_positive(tangent, norm.inputs))))

    def back(self, grad: Tensor, point: Any) -> Tensor:
        pool, norm = point
        return _where_positive(norm.back(pool.back(self._picture(grad))), norm.inputs)

    def bend(self, grad: Tensor, tangent: Tensor, point: Any) -> Tensor | None:
        pool, norm = point
        grad = pool.back(self._picture(grad))
        return _where_positive(norm.bend(grad, _where_positive(tangent, norm.inputs)), norm.inputs)

    def _flatten(self, hidden: Tensor) -> Tensor:
        return hidden.reshape(len(hidden), self._networks, 4096).transpose(0, 1).contiguous()

    def _picture(self, grad: Tensor) -> Tensor:
        K, B, _ = grad.shape
        return grad.view(K, B, 64, 8, 8).permute(1, 3, 4, 0, 2).reshape(B, 8, 8, K * 64).permute(0, 3, 1, 2)


class _Pool:
    """Max-pooling of 3 x 3 windows, 2 apart."""

    def __init__(self, index: Tensor, shape: torch.Size) -> None:
        self._index, self._shape = index, shape

    @classmethod
    def of(cls, inputs: Tensor) -> tuple[Tensor, _Pool]:
        hidden, index = F.max_pool2d(inputs, 3, 2, 1, return_indices=True)
        return hidden, cls(index, inputs.shape)

    def along(self, tangent: Tensor) -> Tensor:
        chosen = tangent.flatten(2).gather(2, self._index.flatten(2)).view(self._index.shape)
        return chosen.contiguous(memory_format=torch.channels_last)

    def back(self, grad: Tensor) -> Tensor:
        grad = grad.contiguous(memory_format=torch.channels_last)
        like = torch.empty(self._shape, dtype=grad.dtype, device=grad.device, memory_format=torch.channels_last)
        spread: Tensor = torch.ops.aten.max_pool2d_with_indices_backward(
            grad, like, (3, 3), (2, 2), (1, 1), (1, 1), False, self._index
        )
        return spread


class _Norm:
    """Local response normalisation y = x s^(-3/4), s = 1 + a B(x^2), with B the sum over a band of channels."""

    def __init__(self, inputs: Tensor, networks: int) -> None:
        self.inputs = inputs
        self._networks = networks
        s = self._band(inputs * inputs).mul_(_ALPHA).add_(1)
        self._over = s.reciprocal()
        root = s.rsqrt_()
        self._scale = root.sqrt().mul_(root)

    def value(self) -> Tensor:
        return self.inputs * self._scale

    def along(self, tangent: Tensor) -> Tensor:
        sums = self._band(self.inputs * tangent).mul_(1.5 * _ALPHA)
        return (tangent - (self.inputs * self._over).mul_(sums)).mul_(self._scale)

    def back(self, grad: Tensor) -> Tensor:
        scaled = grad * self._scale
        sums = self._band_back(scaled * self.inputs * self._over).mul_(1.5 * _ALPHA)
        return scaled - sums.mul_(self.inputs)

    def bend(self, grad: Tensor, tangent: Tensor) -> Tensor:
        x, over, c = self.inputs, self._over, 1.5 * _ALPHA
        rise = self._band(x * tangent).mul_(2 * _ALPHA).mul_(over)  # ds / s
        scaled = grad * self._scale * over
        first = self._band_back(scaled * x)
        second = self._band_back(scaled * (tangent - 1.75 * x * rise))
        direct = scaled * rise / over
        return direct.mul_(-0.75) - c * (tangent * first + x * second)

    def _band(self, values: Tensor) -> Tensor:
        return self._shifted_sum(values, (-2, -1, 1))

    def _band_back(self, values: Tensor) -> Tensor:
        return self._shifted_sum(values, (2, 1, -1))

    def _shifted_sum(self, values: Tensor, shifts: tuple[int, ...]) -> Tensor:
        values = values.unflatten(1, (self._networks, -1))
        total = values.clone()
        C = values.shape[2]
        for shift in shifts:
            width = C - abs(shift)
            total.narrow(2, max(-shift, 0), width).add_(values.narrow(2, max(shift, 0), width))
        return total.flatten(1, 2)


def _where_positive(values: Tensor, hidden: Tensor) -> Tensor:
    masked: Tensor = torch.ops.aten.threshold_backward(values, hidden, 0)
    return masked

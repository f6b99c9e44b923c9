"""Second derivatives that see a ReLU switch and a maximum change hands; values and first derivatives stay exact.

A network of ReLU and max-pooling is piecewise linear: its gradient jumps wherever a unit switches or a maximum moves to another
pixel. Between jumps the second derivative is zero, so that the exact meta-gradient knows nothing of them, although an outer step
crosses thousands: a small step along it often makes the outer loss larger. What is written here has the same values and the same
gradient, but a second derivative as if the jump of a ReLU were a logistic step of some ``width``, and the choice of a maximum a
softmax three widths warm. The meta-gradient is then not exact, and a far better direction: `docs/fixed-initialisation.md` has the
measurements. The idea is that of surrogate gradients for spiking networks (Neftci et al. 2019, arXiv 1901.09948).

Both are done with one device: with δ = z - z₀, where z₀ is z with its graph cut off, δ is zero and its derivative one, so that
½ δᵀ C δ adds nothing to value and gradient, and C to the second derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["TEMPERATURE", "Smoothed", "curvature", "largest", "pooled", "rectified"]


TEMPERATURE = 3.0
"""Of a maximum's softmax, in widths. Measured on MNIST with LeNet, where 1 and 5 widths learn more slowly."""


def rectified(values: Tensor, width: float) -> Tensor:
    """Return ReLU of ``values``; its second derivative is that of a softplus of ``width``."""
    there = values.detach()
    share = torch.sigmoid(there / width)
    return F.relu(values) + (share * (1 - share) / (2 * width)) * (values - there) ** 2


def largest(values: Tensor, width: float) -> Tensor:
    """Return the maximum over the last dimension; its second derivative is that of a log-sum-exp, three widths warm."""
    there, temperature = values.detach(), TEMPERATURE * width
    share = torch.softmax(there / temperature, -1)
    change = values - there
    spread = (share * change**2).sum(-1) - (share * change).sum(-1) ** 2
    return values.max(-1).values + spread / (2 * temperature)


def pooled(pictures: Tensor, kernel: int, stride: int, padding: int, width: float) -> Tensor:
    """Return max-pooling of ``pictures`` [..., H, W] in square windows, with the second derivative of `largest`."""
    padded = F.pad(pictures, [padding] * 4, value=torch.finfo(pictures.dtype).min)
    windows = padded.unfold(-2, kernel, stride).unfold(-2, kernel, stride)
    return largest(windows.flatten(-2), width)


def curvature(function: Callable[[Tensor], Tensor], at: Tensor, weight: Tensor, along: Tensor) -> Tensor:
    """Return the change of the gradient of ⟨function, weight⟩ at ``at`` in the direction ``along``: a second derivative."""
    with torch.enable_grad():
        leaf = at.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(function(leaf), leaf, weight, create_graph=True)
        return torch.autograd.grad(gradient, leaf, along)[0]


class Smoothed(TorchFunctionMode):
    """Within this context every ReLU and every two-dimensional max-pooling of a module is one with a second derivative.

    Other activations, and pooling that is dilated, rounds up or returns its indices, stay as they are.
    """

    def __init__(self, width: float) -> None:
        super().__init__()
        self._width = width

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _RELUS:
            return rectified(args[0], self._width)
        if func in _POOLS and (plain := _square(*args[1:], **kwargs)) is not None:
            return pooled(args[0], *plain, self._width)
        return func(*args, **kwargs)


_RELUS = frozenset({F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_})
_POOLS = frozenset({F.max_pool2d, torch.max_pool2d})


def _square(
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[int, int, int] | None:
    """Return kernel, stride and padding of a plain pooling with square windows; `None` for another."""
    sizes = [_side(size) for size in (kernel_size, stride or kernel_size, padding, dilation)]
    if ceil_mode or return_indices or None in sizes or sizes[3] != 1:
        return None
    return sizes[0], sizes[1], sizes[2]  # type: ignore[return-value]


def _side(size: Any) -> int | None:
    if isinstance(size, int):
        return size
    return int(size[0]) if len(set(size)) == 1 else None

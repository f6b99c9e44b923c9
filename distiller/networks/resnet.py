"""ResNet-14 for small pictures (He et al. 2016, section 4.2), which Bohdal et al. 2020 (LD, arXiv 2006.08572) call ResNet-18."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .error import NetworkError

__all__ = ["ResNet14"]

_WIDTHS = (16, 32, 64)
_BLOCKS = 2


class ResNet14(nn.Module):
    """A convolution and three stages of two residual blocks, 16, 32 and 64 wide: 175,258 parameters on 3 x 32 x 32, 10 outputs.

    Batch normalisation always takes the statistics of the examples that are computed at once, in tests too, as in LD's
    second-order method; so unlike in other networks ``real_chunk`` is a part of what is computed. LD draws its weights by
    ``kaiming_normal_out``.
    """

    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        """Build for inputs of ``shape`` (channels, H, W), H and W 8 or more; raise `NetworkError` for another shape."""
        super().__init__()
        if len(shape) != 3 or min(shape[1:]) < 8:
            raise NetworkError(
                f"resnet14 does not fit examples of shape {shape}; it takes channels x H x W, H and W 8 or more"
            )
        into = (_WIDTHS[0], *_WIDTHS[:-1])
        self.first = _convolution(shape[0], _WIDTHS[0])
        self.stages = nn.Sequential(*map(_stage, into, _WIDTHS))
        self.head = nn.Linear(_WIDTHS[-1], outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits [B, outputs] of inputs [B, *shape]."""
        hidden: Tensor = self.stages(F.relu(self.first(inputs)))
        logits: Tensor = self.head(hidden.mean((-2, -1)))
        return logits


class _Block(nn.Module):
    """Two convolutions beside a short cut, which is a convolution of one pixel where the width changes."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        stride = 1 if into == out else 2
        self.inner = nn.Sequential(_convolution(into, out, stride), nn.ReLU(), _convolution(out, out))
        self.short = nn.Identity() if into == out else _convolution(into, out, stride, window=1)

    def forward(self, inputs: Tensor) -> Tensor:
        return F.relu(self.inner(inputs) + self.short(inputs))


def _stage(into: int, out: int) -> nn.Sequential:
    return nn.Sequential(_Block(into, out), *(_Block(out, out) for _ in range(_BLOCKS - 1)))


def _convolution(into: int, out: int, stride: int = 1, window: int = 3) -> nn.Sequential:
    """Return convolution without bias and batch norm without running statistics."""
    convolution = nn.Conv2d(into, out, window, stride, padding=window // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out, track_running_stats=False))

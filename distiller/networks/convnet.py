"""ConvNet-3: the network of the later distillation papers (Zhao et al. 2021, arXiv 2006.05929)."""

from __future__ import annotations

from torch import Tensor, nn

from .error import NetworkError

__all__ = ["ConvNet3"]

_WIDTH = 128


class ConvNet3(nn.Module):
    """Three blocks of convolution, instance norm, ReLU and average pooling: 320,010 parameters on 3 x 32 x 32, 10 outputs.

    Examples of 28 x 28 are padded to 32 x 32 by the first convolution, as in the authors' code.
    """

    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        """Build for inputs of ``shape`` (channels, H, W), H and W 8 or more; raise `NetworkError` for another shape."""
        super().__init__()
        if len(shape) != 3 or min(shape[1:]) < 8:
            raise NetworkError(
                f"convnet3 does not fit examples of shape {shape}; it takes channels x H x W, H and W 8 or more"
            )
        channels, *sides = shape
        first = 3 if sides == [28, 28] else 1
        height, width = (side + 2 * (first - 1) for side in sides)
        self.block1 = _block(channels, first)
        self.block2 = _block(_WIDTH, 1)
        self.block3 = _block(_WIDTH, 1)
        self.head = nn.Linear(_WIDTH * (height // 8) * (width // 8), outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits [B, outputs] of inputs [B, *shape]."""
        logits: Tensor = self.head(self.block3(self.block2(self.block1(inputs))).flatten(1))
        return logits


def _block(channels: int, padding: int) -> nn.Sequential:
    """Return convolution, instance norm (a group norm of one channel a group), ReLU and pooling by 2."""
    convolution = nn.Conv2d(channels, _WIDTH, 3, padding=padding)
    return nn.Sequential(convolution, nn.GroupNorm(_WIDTH, _WIDTH), nn.ReLU(), nn.AvgPool2d(2))

"""LeNet-5 as the distillation papers have it (LeCun et al. 1998; Wang et al. 2018, `networks.py`)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .error import NetworkError
from .lenet_batched import BatchedLeNet

__all__ = ["LeNet"]


class LeNet(nn.Module):
    """Two convolutions and three linear layers, ReLU and max-pooling between: 61,706 parameters on 1 x 28 x 28, 10 outputs.

    The first convolution pads 28 x 28 by 2 and 32 x 32 not at all, so that weights move between both. ReLU and max-pooling
    commute; pooling first leaves a quarter of the ReLU's work.
    """

    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        """Build for inputs of ``shape`` (channels, 28, 28) or (channels, 32, 32), 1 or 3 channels.

        Raises `NetworkError` for another shape.
        """
        super().__init__()
        if shape not in {(c, size, size) for c in (1, 3) for size in (28, 32)}:
            raise NetworkError(
                f"lenet does not fit examples of shape {shape}; it takes 28 x 28 or 32 x 32, 1 or 3 channels"
            )
        self.conv1 = nn.Conv2d(shape[0], 6, 5, padding=2 if shape[1] == 28 else 0)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits [B, outputs] of inputs [B, *shape]."""
        hidden = F.relu(F.max_pool2d(self.conv1(inputs), 2))
        hidden = F.relu(F.max_pool2d(self.conv2(hidden), 2)).flatten(1)
        hidden = F.relu(self.fc1(hidden))
        hidden = F.relu(self.fc2(hidden))
        logits: Tensor = self.fc3(hidden)
        return logits

    def batched(self) -> BatchedLeNet:
        """Return the code that computes K of these networks at once."""
        return BatchedLeNet(int(self.conv1.padding[0]))

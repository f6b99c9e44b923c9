"""AlexCifarNet: the AlexNet for CIFAR10 of Wang et al. 2018, after Krizhevsky's cuda-convnet."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .alexcifar_batched import BatchedAlexCifarNet
from .error import NetworkError
from .response_norm import local_response_norm

__all__ = ["AlexCifarNet"]


class AlexCifarNet(nn.Module):
    """Two 5 x 5 convolutions of 64 filters and three linear layers: 1,756,426 parameters on 3 x 32 x 32, 10 outputs.

    The order of pooling and normalisation differs between the two blocks, as in the original.
    """

    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        """Build for inputs of ``shape`` (1 or 3, 32, 32); raise `NetworkError` for another shape."""
        super().__init__()
        if shape not in {(1, 32, 32), (3, 32, 32)}:
            raise NetworkError(
                f"alexcifarnet does not fit examples of shape {shape}; it takes 32 x 32, 1 or 3 channels"
            )
        self.conv1 = nn.Conv2d(shape[0], 64, 5, padding=2)
        self.conv2 = nn.Conv2d(64, 64, 5, padding=2)
        self.fc1 = nn.Linear(64 * 8 * 8, 384)
        self.fc2 = nn.Linear(384, 192)
        self.fc3 = nn.Linear(192, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits [B, outputs] of inputs [B, *shape]."""
        hidden = local_response_norm(F.relu(F.max_pool2d(self.conv1(inputs), 3, 2, 1)))
        hidden = F.max_pool2d(local_response_norm(F.relu(self.conv2(hidden))), 3, 2, 1).flatten(1)
        hidden = F.relu(self.fc1(hidden))
        hidden = F.relu(self.fc2(hidden))
        logits: Tensor = self.fc3(hidden)
        return logits

    def batched(self) -> BatchedAlexCifarNet:
        """Return the code that computes K of these networks at once."""
        return BatchedAlexCifarNet()

"""Examples as they are stored, before normalisation: bytes or floats, brought to channels first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from distiller.data.dataset import Examples

__all__ = ["Stored", "is_channels_last"]


@dataclass(frozen=True, eq=False)
class Stored:
    """``inputs`` [N, C, H, W], uint8 of 0..255 (counted as 0..1) or float taken as it is; ``labels`` int64 [N]."""

    inputs: Tensor
    labels: Tensor

    @classmethod
    def of(cls, inputs: Any, labels: Any, first_label: int = 0) -> Stored:
        """Bring arrays, tensors or lists to one form; ``first_label`` is the number that the first class is stored as."""
        pixels = torch.from_numpy(np.ascontiguousarray(_channels_first(np.asarray(inputs))))
        return cls(pixels, torch.as_tensor(np.asarray(labels, dtype=np.int64)) - first_label)

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, index: Tensor) -> Stored:
        """Return the examples at ``index``, an int64 tensor."""
        return Stored(self.inputs[index], self.labels[index])

    def resized(self, height: int, width: int) -> Stored:
        """Return the examples resized bilinearly (corners not aligned), as float32."""
        pixels = F.interpolate(_unit(self.inputs), size=(height, width), mode="bilinear", align_corners=False)
        return Stored(pixels, self.labels)

    def repeated(self, channels: int) -> Stored:
        """Return the examples with their one channel repeated, all views of the same memory."""
        return Stored(self.inputs.expand(-1, channels, -1, -1), self.labels)

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return mean and standard deviation of each channel; a channel that never varies gets the deviation 1.

        Summed by numpy in float64, a channel at a time, so that the number of threads has no say in the last bits.
        """
        scale = 255.0 if self.inputs.dtype == torch.uint8 else 1.0
        moments = [_moments(self.inputs[:, c].numpy().astype(np.float64)) for c in range(self.inputs.shape[1])]
        return tuple(mean / scale for mean, _ in moments), tuple(std / scale or 1.0 for _, std in moments)

    def normalised(self, mean: tuple[float, ...], std: tuple[float, ...]) -> Examples:
        """Return the examples as float32, less ``mean`` and divided by ``std``, one number a channel."""
        shift, scale = (torch.tensor(numbers, dtype=torch.float32)[:, None, None] for numbers in (mean, std))
        return Examples(_unit(self.inputs).sub_(shift).div_(scale), self.labels)


def is_channels_last(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    """Say whether an array of images has its channels last: uint8 [N, H, W, 1 or 3] has; all else is channels first."""
    return dtype == np.uint8 and len(shape) == 4 and shape[3] in (1, 3)


def _channels_first(inputs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if is_channels_last(inputs.shape, inputs.dtype):
        return inputs.transpose(0, 3, 1, 2)
    return inputs[:, None] if inputs.ndim == 3 else inputs


def _moments(numbers: np.ndarray[Any, Any]) -> tuple[float, float]:
    # Rounding of the mean would give numbers that are all equal a deviation just above zero.
    return float(numbers.mean()), float(numbers.std()) if np.ptp(numbers) else 0.0


def _unit(inputs: Tensor) -> Tensor:
    """Copy to float32, bytes to 0..1."""
    copy = inputs.to(torch.float32, copy=True)
    return copy.div_(255) if inputs.dtype == torch.uint8 else copy

"""TextConvNet: the convolutional network of sentences of Kim 2014 (arXiv 1408.5882), as TDD has it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .backends import Backend
from .initialise import Parameters
from .sentence import SentenceNetwork, there

__all__ = ["TextConvNet"]

_WINDOWS = (3, 4, 5)
_FILTERS = 100


class TextConvNet(SentenceNetwork):
    """100 filters over each of 3, 4 and 5 words in a row, their largest answers, a linear layer: 122,106 parameters, 6 outputs.

    The published code has two-dimensional convolutions over one channel of words x numbers; a convolution along the words alone,
    whose channels are a vector's numbers, is the same and three times as fast. The largest answer is taken before ReLU, which
    commutes and leaves less to rectify. Masked, windows that hold no word at all give no answer.
    """

    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        """Build for sentences of ``shape`` (words, numbers of a vector); raise `NetworkError` for other examples."""
        super().__init__("textconvnet", shape, max(_WINDOWS))
        self.conv3, self.conv4, self.conv5 = (nn.Conv1d(shape[1], _FILTERS, window) for window in _WINDOWS)
        self.head = nn.Linear(_FILTERS * len(_WINDOWS), outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits [B, outputs] of inputs [B, L, D]."""
        layers = (self.conv3, self.conv4, self.conv5)
        answers = _answers(inputs, [(layer.weight, _bias(layer)) for layer in layers], self.masked)
        logits: Tensor = self.head(torch.cat(answers, -1))
        return logits

    def batched(self) -> BatchedTextConvNet:
        """Return the code that computes K of these networks at once."""
        return BatchedTextConvNet(self.masked)


def _bias(layer: nn.Conv1d) -> Tensor:
    assert layer.bias is not None
    return layer.bias


class BatchedTextConvNet(Backend):
    """K networks on inputs that they share: one convolution with the filters of all of them."""

    drops = True

    def __init__(self, masked: bool) -> None:
        self._masked = masked

    def logits(self, params: Parameters, inputs: Tensor) -> Tensor:
        *filters, weight, bias = params
        K = len(weight)
        flat = [(filters[i].flatten(0, 1), filters[i + 1].flatten()) for i in range(0, len(filters), 2)]
        hidden = torch.cat([torch.unflatten(answer, 1, (K, -1)) for answer in _answers(inputs, flat, self._masked)], -1)
        features = hidden.transpose(0, 1)
        features = features if self.dropout is None else self.dropout.applied(features)
        return torch.baddbmm(bias[:, None], features, weight.mT)


def _answers(inputs: Tensor, filters: Sequence[tuple[Tensor, Tensor]], masked: bool) -> list[Tensor]:
    """Return the largest answer [B, filters] of each kind of filters over windows of sentences [B, L, D], rectified."""
    words, answers = there(inputs, masked), []
    for weight, bias in filters:
        full = None if words is None else words.unfold(1, weight.shape[-1], 1).any(-1)
        answers.append(F.relu((_dense if inputs.is_cuda else _sparse)(inputs, weight, bias, full)))
    return answers


def _dense(inputs: Tensor, weight: Tensor, bias: Tensor, full: Tensor | None) -> Tensor:
    """Return the largest answer [B, filters]; ``full`` bool [B, windows] says which windows may give one."""
    return _masked(F.conv1d(inputs.mT, weight, bias), full).max(-1).values


def _sparse(inputs: Tensor, weight: Tensor, bias: Tensor, full: Tensor | None) -> Tensor:
    """Return what `_dense` returns by a second product with the windows of the largest answers alone.

    Derivatives of any order then cost these windows and not all of a sentence's, of which a sentence of 400 words has 400 times
    as many. Each is copied for each filter, which a GPU's memory does not have the room for where networks are many.
    """
    size = weight.shape[-1] * inputs.shape[2]
    with torch.no_grad():
        largest = _masked(F.conv1d(inputs.mT, weight, bias), full).argmax(-1).T
    windows = inputs.flatten(1).unfold(1, size, inputs.shape[2])[
        torch.arange(len(inputs), device=inputs.device), largest
    ]
    answers = torch.baddbmm(bias[:, None, None], windows, weight.mT.flatten(1)[..., None]).squeeze(-1).T
    # A sentence without a word has no answer, where its bias would be one.
    return answers if full is None else torch.where(full.any(-1, keepdim=True), answers, 0)


def _masked(found: Tensor, full: Tensor | None) -> Tensor:
    # Below every answer, and no infinity, whose product with a zero derivative would be no number.
    return found if full is None else found.masked_fill(~full[:, None], torch.finfo(found.dtype).min)

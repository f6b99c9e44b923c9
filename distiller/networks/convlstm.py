"""Conv-LSTM, the network of TDD's unpublished row of TREC-50: a convolution along the numbers of vectors, and an LSTM."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .backends import Backend
from .initialise import Parameters
from .recurrent import last_states, lstm
from .sentence import SentenceNetwork

__all__ = ["ConvLSTM"]

_FILTERS, _WINDOW, _POOL, _STATE = 16, 5, 4, 10


class ConvLSTM(SentenceNetwork):
    """16 filters whose channels are the words' places, ReLU, max-pooling, an LSTM over the filters: 3,606 parameters for 20 words
    of 100 numbers and 50 outputs.

    A word's place is a channel, so that one of a zero vector says nothing, masked or not.
    """

    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        """Build for sentences of ``shape`` (words, numbers of a vector); raise `NetworkError` for other examples."""
        super().__init__("convlstm", shape)
        self.conv = nn.Conv1d(shape[0], _FILTERS, _WINDOW)
        self.recurrent = nn.LSTM((shape[1] - _WINDOW + 1) // _POOL, _STATE)
        self.head = nn.Linear(_STATE, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits [B, outputs] of inputs [B, L, D]."""
        recurrent = [getattr(self.recurrent, name)[None] for name, _ in self.recurrent.named_parameters()]
        params = (self.conv.weight[None], self.conv.bias[None], *recurrent)  # type: ignore[index]
        logits: Tensor = self.head(_features(params, inputs)[0])
        return logits

    def batched(self) -> BatchedConvLSTM:
        """Return the code that computes K of these networks at once."""
        return BatchedConvLSTM()


class BatchedConvLSTM(Backend):
    """K networks on inputs that they share."""

    def logits(self, params: Parameters, inputs: Tensor) -> Tensor:
        *others, weight, bias = params
        return torch.baddbmm(bias[:, None], _features(tuple(others), inputs), weight.mT)


def _features(params: Parameters, inputs: Tensor) -> Tensor:
    """Return the last states [K, B, 10] of sentences [B, L, D]."""
    weight, bias, by_input, by_state, bias_of_input, bias_of_state = params
    found = torch.unflatten(F.conv1d(inputs, weight.flatten(0, 1), bias.flatten()), 1, (len(weight), _FILTERS))
    # Rectified after pooling, which commutes; a pooling of windows that do not overlap is a maximum over a dimension.
    count = found.shape[-1] // _POOL
    pooled = torch.unflatten(found[..., : count * _POOL], -1, (count, _POOL)).max(-1).values
    layer = (by_input, by_state, bias_of_input, bias_of_state)
    return last_states(lstm, [[layer]], F.relu(pooled).transpose(0, 1))

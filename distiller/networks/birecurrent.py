"""Bi-RNN and Bi-LSTM of TDD (Sucholutsky and Schonlau 2019): two recurrent layers in both directions, and a linear one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from .backends import Backend
from .initialise import Parameters
from .recurrent import Direction, last_states, lstm, rnn
from .sentence import SentenceNetwork, there

__all__ = ["BiLSTM", "BiRNN"]

_STATE = 100
_LAYERS = 2


class _BiRecurrent(SentenceNetwork):
    """Two layers of states of 100 numbers in both directions; their last states, side by side, go into a linear layer.

    Recurrent parameters are drawn by `torch.nn.RNN` and `torch.nn.LSTM`, uniformly within 0.1, whatever the scheme. Masked, a
    state waits while there is no word; the published networks read on over padding to the end of the longest sentence.
    """

    name: ClassVar[str]
    kind: ClassVar[type[nn.RNN] | type[nn.LSTM]]

    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        """Build for sentences of ``shape`` (words, numbers of a vector); raise `NetworkError` for other examples."""
        super().__init__(self.name, shape)
        self.recurrent = self.kind(shape[1], _STATE, _LAYERS, bidirectional=True)
        self.head = nn.Linear(2 * _STATE, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits [B, outputs] of inputs [B, L, D]."""
        params = [getattr(self.recurrent, name)[None] for name, _ in self.recurrent.named_parameters()]
        logits: Tensor = self.head(_features(self.kind, params, inputs, self.masked)[0])
        return logits

    def batched(self) -> BatchedBiRecurrent:
        """Return the code that computes K of these networks at once."""
        return BatchedBiRecurrent(self.kind, self.masked)


class BiRNN(_BiRecurrent):
    """Two layers of tanh: 101,805 parameters for vectors of 100 numbers and 5 outputs."""

    name, kind = "birnn", nn.RNN


class BiLSTM(_BiRecurrent):
    """Two layers of long short-term memory: 404,406 parameters for vectors of 100 numbers and 6 outputs."""

    name, kind = "bilstm", nn.LSTM


class BatchedBiRecurrent(Backend):
    """K networks, both directions of all of them in one product a word."""

    def __init__(self, kind: type[nn.RNN] | type[nn.LSTM], masked: bool) -> None:
        self._kind, self._masked = kind, masked

    def logits(self, params: Parameters, inputs: Tensor) -> Tensor:
        *recurrent, weight, bias = params
        return torch.baddbmm(bias[:, None], _features(self._kind, recurrent, inputs, self._masked), weight.mT)

    def logits_of_many(self, params: Parameters, inputs: Tensor) -> Tensor:
        words = there(inputs, self._masked)
        # Where no sentence has a word no state moves; on a GPU to know how many these are would be to wait for it.
        if words is not None and not inputs.is_cuda:
            some = words.any(0)
            some[0] = True
            inputs = inputs[:, some]
        return self.logits(params, inputs)


def _features(kind: type[nn.RNN] | type[nn.LSTM], params: Sequence[Tensor], inputs: Tensor, masked: bool) -> Tensor:
    """Return the last states [K, B, 200] of sentences [B, L, D]; ``params`` are in the order of torch's module."""
    directions = list(_directions(params))
    layers = [directions[number : number + 2] for number in range(0, len(directions), 2)]
    return last_states(lstm if kind is nn.LSTM else rnn, layers, inputs, there(inputs, masked))


def _directions(params: Sequence[Tensor]) -> Iterator[Direction]:
    for first in range(0, len(params), 4):
        by_input, by_state, bias_of_input, bias_of_state = params[first : first + 4]
        yield by_input, by_state, bias_of_input, bias_of_state

"""Recurrent layers of K networks in both directions, written as batched products that are twice differentiable everywhere.

cuDNN's recurrent layers have no second derivative, and `torch.nn.LSTM` has no rule for `torch.vmap`. Here K networks and both
directions are one batched product a word, and the products with a layer's inputs, which do not wait for a state, are one for all
words. Equations and the order of gates are those of `torch.nn.RNN` (tanh) and `torch.nn.LSTM`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Direction", "last_states", "lstm", "rnn"]

Direction = tuple[Tensor, Tensor, Tensor, Tensor]
"""What one direction of a layer learns, of K networks: weights for inputs [K, G, I] and for states [K, G, H], biases [K, G] of
both; G is H for a tanh layer and 4 H for an LSTM."""

_Cell = Callable[[Tensor, tuple[Tensor, ...]], tuple[Tensor, ...]]
"""From sums [N, B, G] and states [N, B, H] to the next states, of which the first is what the layer gives."""


def rnn(sums: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return the next state of a plain recurrent layer."""
    return (torch.tanh(sums),)


def lstm(sums: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return the next state and memory of a long short-term memory (Hochreiter and Schmidhuber 1997)."""
    take, keep, new, give = sums.chunk(4, -1)
    memory = torch.sigmoid(keep) * states[1] + torch.sigmoid(take) * torch.tanh(new)
    return torch.sigmoid(give) * torch.tanh(memory), memory


def last_states(
    cell: _Cell, layers: Sequence[Sequence[Direction]], inputs: Tensor, words: Tensor | None = None
) -> Tensor:
    """Return the last states [K, B, directions * H] of the last of some layers, each on what the one before it gives.

    ``inputs`` are [B, L, I], shared by all networks, or [K, B, L, I]; a layer has one direction or two, and the second reads the
    sentence from its end. Where ``words`` bool [B, L] is given, states stay as they are at all that is no word.
    """
    states = inputs
    for number, directions in enumerate(layers):
        layer = _Layer.of(cell, directions, words)
        whole = layer.run(states, keep=number < len(layers) - 1)
        if number < len(layers) - 1:
            states = whole
    return whole


@dataclass(frozen=True)
class _Layer:
    """One layer: weights for inputs [K, R * G, I] and for states [K * R, H, G], biases [K, R * G], and R directions."""

    cell: _Cell
    by_input: Tensor
    by_state: Tensor
    bias: Tensor
    directions: int
    words: Tensor | None

    @classmethod
    def of(cls, cell: _Cell, directions: Sequence[Direction], words: Tensor | None) -> _Layer:
        by_input = torch.cat([each[0] for each in directions], 1)
        by_state = torch.stack([each[1] for each in directions], 1).flatten(0, 1).mT
        bias = torch.cat([each[2] + each[3] for each in directions], 1)
        return cls(cell, by_input, by_state, bias, len(directions), words)

    def run(self, inputs: Tensor, keep: bool) -> Tensor:
        """Return the states [K, B, L, R * H] after every word where they are to ``keep``, else the last ones [K, B, R * H]."""
        sums = self._sums(inputs)
        words = None if self.words is None else self._turned(self.words.T[:, None, None, :, None]).unbind()
        K, R, B = sums.shape[1:4]
        state = sums.new_zeros(K * R, B, self.by_state.shape[1])
        states, given = (state,) * (2 if self.cell is lstm else 1), []
        for t, sums_at in enumerate(sums.flatten(1, 2).unbind()):
            after = self.cell(torch.baddbmm(sums_at, states[0], self.by_state), states)
            if words is not None:
                here = words[t].expand(K, R, B, 1).flatten(0, 1)
                after = tuple(torch.where(here, new, old) for new, old in zip(after, states, strict=True))
            states = after
            if keep:
                given.append(states[0])
        if not keep:
            return torch.unflatten(states[0], 0, (K, R)).transpose(1, 2).flatten(2)
        return self._turned(torch.unflatten(torch.stack(given), 1, (K, R))).permute(1, 3, 0, 2, 4).flatten(3)

    def _sums(self, inputs: Tensor) -> Tensor:
        """Return what the inputs give to the gates, word by word in each direction's own order: [L, K, R, B, G]."""
        K, R = len(self.by_input), self.directions
        if inputs.dim() == 3:
            flat = torch.addmm(self.bias.flatten(), inputs.flatten(0, 1), self.by_input.flatten(0, 1).T)
            sums = flat.view(*inputs.shape[:2], K, R, -1).permute(1, 2, 3, 0, 4)
        else:
            flat = torch.baddbmm(self.bias[:, None], inputs.flatten(1, 2), self.by_input.mT)
            sums = flat.view(K, *inputs.shape[1:3], R, -1).permute(2, 0, 3, 1, 4)
        return self._turned(sums)

    def _turned(self, ordered: Tensor) -> Tensor:
        """Turn the second direction's words [L, K, R, ...] round, from their order to the sentence's or the other way."""
        if self.directions == 1:
            return ordered
        forward = ordered[:, :, :1]
        return torch.cat([forward, ordered[:, :, -1:].flip(0)], 2)

"""The mathematical core: T inner steps of gradient descent, and the exact meta-gradient through all of them.

Training on a distilled set is, for one network and t = 0 .. T-1 with s = t mod S,

    θ[t+1] = θ[t] - η[t] g[t],        g[t] = ∂/∂θ ℓ(θ[t]; x[s], q[s])

and the outer loss L is the mean cross-entropy of the last network θ[T] on real examples (Wang et al. 2018, arXiv 1811.10959,
algorithm 1). Let v[t] = ∂L/∂θ[t] be the adjoint. It starts as v[T], an ordinary gradient on the real batch, and goes backwards:

    ∂L/∂η[t]  = -⟨v[t+1], g[t]⟩
    ∂L/∂x[s] += -η[t] ∂⟨g[t], v[t+1]⟩/∂x[s]
    ∂L/∂q[s] += -η[t] ∂⟨g[t], v[t+1]⟩/∂q[s]
    v[t]      = v[t+1] - η[t] ∂⟨g[t], v[t+1]⟩/∂θ[t]

The last three are one vector-Jacobian product of g[t] with v[t+1]: the derivative of a scalar, never a matrix. η[t] stays outside
the differentiated graph, so that its derivative costs one inner product; v[0] is of no use, so that the product of step 0 leaves
∂/∂θ out. Nothing is approximated or truncated: this is what automatic differentiation of the whole unroll gives, without a graph
that spans steps.

The graph of g[t] is kept from the forward pass (``saved``: about 8.5 forward passes a step, memory grows with T) or built again
from θ[t] (``recompute``: about 11 forward passes). ``recompute`` holds the weights of every step where these take little memory;
where they take more, those of every √T-th step, from which the others are computed a second time (about 14 forward passes).

K networks are stacked, and computed ``chunk`` at a time. Their losses are summed before differentiation, which keeps them
independent: the gradient of a sum with respect to one network's own parameters is that network's gradient.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from distiller.gang import ALONE, Gang
from distiller.losses import correct, cross_entropy, one_hot
from distiller.networks import Parameters, Stack

__all__ = ["MetaGradient", "Score", "meta_gradient", "outer_gradient", "score", "train"]


@dataclass(frozen=True)
class Score:
    """The mean cross-entropy and the accuracy (0 .. 1) of each of K networks: [K] each, the accuracy in float64."""

    loss: Tensor
    accuracy: Tensor


@dataclass(frozen=True)
class MetaGradient:
    """The derivatives of the outer loss, averaged over K networks, and those networks' scores on the real batch."""

    inputs: Tensor | None
    """[S, M, *shape]; `None` where inputs are not learned."""
    labels: Tensor | None
    """[S, M, outputs]; `None` where labels are not learned."""
    rates: Tensor
    """[T], with respect to the rates themselves, not to a parameterisation of them."""
    score: Score


_WEIGHTS_KEPT = 64 * 2**20
"""Bytes of weights that ``recompute`` may hold for a chunk of networks before it computes some of them a second time."""


@dataclass(frozen=True)
class _Step:
    """One inner step: the leaves that its gradient is a function of, and that gradient, with its graph where it is kept."""

    parameters: Parameters
    inputs: Tensor
    labels: Tensor
    gradient: tuple[Tensor, ...]


def meta_gradient(
    stack: Stack,
    parameters: Parameters,
    inputs: Tensor,
    labels: Tensor,
    rates: Tensor,
    real_inputs: Tensor,
    real_labels: Tensor,
    *,
    classes: int,
    learn_labels: bool,
    learn_inputs: bool = True,
    memory: Literal["saved", "recompute"] = "recompute",
    chunk: int = 8,
    real_chunk: int = 128,
    gang: Gang = ALONE,
) -> MetaGradient:
    """Train K networks on the distilled batches and differentiate their mean loss on real examples.

    ``parameters`` are the K networks' initial values, [K, ...] each; ``inputs`` [S, M, *shape], ``labels`` [S, M, outputs] and
    ``rates`` [T], T a multiple of S, are the distilled set in order of use; ``real_inputs`` [n, *shape] and ``real_labels`` [n]
    are the real batch. ``chunk`` networks and ``real_chunk`` real examples are computed at once: both change rounding alone.
    ``parameters`` are this worker's share where it is one of a ``gang``, and what is returned is of the networks of all workers.
    Non-finite values are passed on, not raised.
    """
    real_targets = one_hot(real_labels, classes).to(inputs.dtype)
    scores: list[Score] = []

    def sums() -> Iterator[tuple[Tensor, ...]]:
        """Yield the derivatives of each chunk, summed over its networks, and score these."""
        for rows in _slices(len(parameters[0]), chunk):
            part, own = tuple(p[rows] for p in parameters), stack.rows(rows)
            unrolled = _Unroll(
                own, inputs.detach(), labels.detach(), rates.detach(), learn_inputs, learn_labels, memory
            )
            trained = unrolled.forward(part)
            adjoint, reached = outer_gradient(stack, trained, real_inputs, real_targets, real_labels, real_chunk)
            scores.append(reached)
            yield unrolled.backward(adjoint)

    totals = gang.total(sums())
    scored = Score(*(gang.whole(torch.cat([getattr(s, name) for s in scores])) for name in ("loss", "accuracy")))
    by_input, by_label, by_rate = (total / len(scored.loss) for total in totals)
    return MetaGradient(by_input if learn_inputs else None, by_label if learn_labels else None, by_rate, scored)


def train(stack: Stack, parameters: Parameters, batches: Iterable[tuple[Tensor, Tensor, Tensor]]) -> Parameters:
    """Train K networks, [K, ...] each, by one step of gradient descent for each (inputs, labels, rate); nothing is kept."""
    for t, (inputs, labels, rate) in enumerate(batches):
        step = _inner_step(stack.at(t), parameters, inputs, labels, differentiable=False, learn_labels=False)
        parameters = _descend(parameters, step.gradient, rate)
    return parameters


def score(
    stack: Stack, parameters: Parameters, inputs: Tensor, labels: Tensor, *, classes: int, real_chunk: int
) -> Score:
    """Score K networks on n examples, ``real_chunk`` at a time."""
    loss = torch.zeros(parameters[0].shape[0], dtype=parameters[0].dtype, device=inputs.device)
    right = torch.zeros_like(loss, dtype=torch.int64)
    targets = one_hot(labels, classes).to(loss.dtype)
    with torch.no_grad():
        for rows in _slices(len(labels), real_chunk):
            logits = stack.logits_of_many(parameters, inputs[rows])
            loss += cross_entropy(logits, targets[rows]) * (len(labels[rows]) / len(labels))
            right += correct(logits, labels[rows], stack.threshold)
    return Score(loss, right.to(torch.float64) / len(labels))


class _Unroll:
    """The inner steps of one chunk of networks: forward once, then backward once."""

    def __init__(
        self,
        stack: Stack,
        inputs: Tensor,
        labels: Tensor,
        rates: Tensor,
        learn_inputs: bool,
        learn_labels: bool,
        memory: str,
    ) -> None:
        self.stack, self.rates, self.saved = stack, rates, memory == "saved"
        self.learn_inputs, self.learn_labels = learn_inputs, learn_labels
        self.inputs = [batch.requires_grad_(learn_inputs) for batch in inputs.unbind()]
        self.labels = [batch.requires_grad_(learn_labels) for batch in labels.unbind()]
        self.steps: list[_Step] = []
        self.weights: list[Parameters] = []
        self.between: list[Parameters] = []
        self.spacing = 1

    def forward(self, parameters: Parameters) -> Parameters:
        """Return the networks after T steps, and remember what `backward` needs of them."""
        self.spacing = self._spacing(parameters)
        for t, rate in enumerate(self.rates):
            step = self._step(t, parameters, differentiable=self.saved)
            if self.saved:
                self.steps.append(step)
            elif t % self.spacing == 0:
                self.weights.append(parameters)
            parameters = _descend(parameters, step.gradient, rate)
        return parameters

    def backward(self, adjoint: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor]:
        """Return the derivatives of the sum of the networks' outer losses by inputs, labels and rates."""
        by_input = [torch.zeros_like(batch) for batch in self.inputs]
        by_label = [torch.zeros_like(batch) for batch in self.labels]
        by_rate = torch.zeros_like(self.rates)
        for t in reversed(range(len(self.rates))):
            s, step = t % len(self.inputs), self._step_again(t)
            by_rate[t] = -sum((v * g.detach()).sum() for v, g in zip(adjoint, step.gradient, strict=True))
            by_leaf = self._pull_back(step, adjoint, with_parameters=t > 0)
            if self.learn_inputs:
                by_input[s] -= self.rates[t] * by_leaf.pop(0)
            if self.learn_labels:
                by_label[s] -= self.rates[t] * by_leaf.pop(0)
            adjoint = _descend(adjoint, by_leaf, self.rates[t]) if t > 0 else adjoint
        return torch.stack(by_input), torch.stack(by_label), by_rate

    def _spacing(self, parameters: Parameters) -> int:
        """Return how many steps lie between two whose weights are held: one, or √T where all would be too many."""
        total = len(self.rates) * sum(p.numel() * p.element_size() for p in parameters)
        return 1 if total <= _WEIGHTS_KEPT else math.ceil(math.sqrt(len(self.rates)))

    def _step_again(self, t: int) -> _Step:
        """Return step ``t`` with its graph, kept or built again; steps are asked for from the last to the first."""
        if self.saved:
            return self.steps.pop()
        if not self.between:
            # The steps up to t from the last one whose weights are held.
            self.between = [self.weights.pop()]
            for earlier in range(t - t % self.spacing, t):
                step = self._step(earlier, self.between[-1], differentiable=False)
                self.between.append(_descend(self.between[-1], step.gradient, self.rates[earlier]))
        return self._step(t, self.between.pop(), differentiable=True)

    def _step(self, t: int, parameters: Parameters, differentiable: bool) -> _Step:
        s = t % len(self.inputs)
        return _inner_step(
            self.stack.at(t), parameters, self.inputs[s], self.labels[s], differentiable, self.learn_labels
        )

    def _pull_back(self, step: _Step, adjoint: tuple[Tensor, ...], with_parameters: bool) -> list[Tensor]:
        """Return ∂⟨g, v⟩ by the step's inputs and by its labels, where they are learned, then by its parameters if wanted."""
        leaves = [
            *([step.inputs] if self.learn_inputs else []),
            *([step.labels] if self.learn_labels else []),
            *(step.parameters if with_parameters else ()),
        ]
        if not leaves:
            return []
        return list(torch.autograd.grad(step.gradient, leaves, adjoint, materialize_grads=True))


def _inner_step(
    stack: Stack, parameters: Parameters, inputs: Tensor, labels: Tensor, differentiable: bool, learn_labels: bool
) -> _Step:
    """Return g at ``parameters``; where ``differentiable``, with the graph back to parameters, inputs and labels.

    The parameters become leaves of their own, so that the graphs of different steps are disjoint.
    """
    leaves = tuple(p.detach().requires_grad_() for p in parameters)
    x, q = (inputs, labels) if differentiable else (inputs.detach(), labels.detach())
    with torch.set_grad_enabled(differentiable):
        gradient = stack.gradient(leaves, x, q, cross_entropy)
    return _Step(leaves, x, q, gradient)


def outer_gradient(
    stack: Stack, parameters: Parameters, inputs: Tensor, targets: Tensor, labels: Tensor, real_chunk: int
) -> tuple[tuple[Tensor, ...], Score]:
    """Return the gradient of each network's mean loss on the real batch by its own parameters, and the scores."""
    leaves = tuple(p.detach().requires_grad_() for p in parameters)
    # Storage of our own: autograd may return one tensor as the gradient of two parameters, and adding into it counts it twice.
    adjoint = tuple(torch.zeros_like(leaf) for leaf in leaves)
    loss = torch.zeros(leaves[0].shape[0], dtype=leaves[0].dtype, device=inputs.device)
    right = torch.zeros_like(loss, dtype=torch.int64)
    for rows in _slices(len(labels), real_chunk):
        with torch.enable_grad():
            logits = stack.logits_of_many(leaves, inputs[rows])
            losses = cross_entropy(logits, targets[rows]) * (len(labels[rows]) / len(labels))
            gradient = torch.autograd.grad(losses.sum(), leaves, materialize_grads=True)
        for total, part in zip(adjoint, gradient, strict=True):
            total += part
        loss += losses.detach()
        right += correct(logits.detach(), labels[rows], stack.threshold)
    return adjoint, Score(loss, right.to(torch.float64) / len(labels))


def _descend(values: Sequence[Tensor], directions: Sequence[Tensor], rate: Tensor) -> tuple[Tensor, ...]:
    """Return values - rate * directions, in new storage."""
    with torch.no_grad():
        return tuple(
            torch.addcmul(value, rate, direction, value=-1) for value, direction in zip(values, directions, strict=True)
        )


def _slices(length: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]

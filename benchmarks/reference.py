"""The arrangement of the 2018 code of dataset distillation, in our own words: what `outer_step.py` is measured against.

Its characteristics, kept on purpose: one network after another; the parameters of a network in one flat vector, of which the
layers' weights are views; the graph of every inner step kept until the way back; the real batch whole; layers in the order
convolution, ReLU, pooling, channels first, and torch's own local response norm.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["NETWORKS", "AlexCifarNet", "BiLSTM", "LeNet", "TextConvNet", "meta_gradient", "train_and_test"]


class LeNet(nn.Module):
    """LeNet for 28 x 28 pixels of one channel; its parameters are in the order of `distiller.networks`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc3(F.relu(self.fc2(x)))


class AlexCifarNet(nn.Module):
    """AlexNet for CIFAR, 32 x 32 pixels of three channels; its parameters are in the order of `distiller.networks`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 5, padding=2)
        self.conv2 = nn.Conv2d(64, 64, 5, padding=2)
        self.fc1 = nn.Linear(4096, 384)
        self.fc2 = nn.Linear(384, 192)
        self.fc3 = nn.Linear(192, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 3, 2, padding=1)
        x = F.relu(self.conv2(F.local_response_norm(x, 4, alpha=0.001 / 9, beta=0.75, k=1)))
        x = F.max_pool2d(F.local_response_norm(x, 4, alpha=0.001 / 9, beta=0.75, k=1), 3, 2, padding=1)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc3(F.relu(self.fc2(x)))


class BiLSTM(nn.Module):
    """Two layers of torch's own LSTM in both directions, 30 words of 100 numbers, 6 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(100, 100, 2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(200, 6)

    def forward(self, x: Tensor) -> Tensor:
        last = self.recurrent(x)[1][0]
        return self.head(torch.cat([last[-2], last[-1]], 1))


class TextConvNet(nn.Module):
    """TextConvNet of 100 filters each over 3, 4 and 5 words, convolved in two dimensions over one channel; 6 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv3, self.conv4, self.conv5 = (nn.Conv2d(1, 100, (words, 100)) for words in (3, 4, 5))
        self.head = nn.Linear(300, 6)

    def forward(self, x: Tensor) -> Tensor:
        convolved = [F.relu(conv(x[:, None])).squeeze(3) for conv in (self.conv3, self.conv4, self.conv5)]
        return self.head(torch.cat([F.max_pool1d(each, each.shape[2]).squeeze(2) for each in convolved], 1))


NETWORKS = {"lenet": LeNet, "alexcifarnet": AlexCifarNet, "bilstm": BiLSTM, "textconvnet": TextConvNet}
"""By the names of `distiller.networks`."""


def meta_gradient(
    module: nn.Module,
    networks: list[Tensor],
    inputs: Tensor,
    labels: Tensor,
    rates: Tensor,
    real: tuple[Tensor, Tensor],
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the mean outer loss and its derivatives by ``inputs`` [S, M, ...] and ``rates`` [T].

    ``networks`` are flat parameter vectors; ``labels`` [S, M] are class numbers, the same for every network.
    """
    by_input, by_rate, losses = torch.zeros_like(inputs), torch.zeros_like(rates), []
    for flat in networks:
        steps, trained = _forward(module, flat, inputs, labels, rates)
        loss = F.cross_entropy(_call(module, trained, real[0]), real[1])
        losses.append(loss.detach())
        (adjoint,) = torch.autograd.grad(loss, trained)
        _backward(steps, adjoint, by_input, by_rate)
    return torch.stack(losses).mean(), by_input / len(networks), by_rate / len(networks)


def train_and_test(
    module: nn.Module, flat: Tensor, inputs: Tensor, labels: Tensor, rates: Tensor, test: tuple[Tensor, Tensor]
) -> float:
    """Train one network and return its accuracy, tested in batches of 1,024."""
    for t, rate in enumerate(rates):
        leaf = flat.detach().requires_grad_()
        loss = F.cross_entropy(_call(module, leaf, inputs[t % len(inputs)]), labels[t % len(inputs)])
        flat = flat - rate * torch.autograd.grad(loss, leaf)[0]
    with torch.no_grad():
        right = [
            (_call(module, flat, x).argmax(1) == y).sum()
            for x, y in zip(test[0].split(1024), test[1].split(1024), strict=True)
        ]
    return float(torch.stack(right).sum() / len(test[1]))


_Step = tuple[int, Tensor, Tensor, Tensor, Tensor]


def _forward(
    module: nn.Module, flat: Tensor, inputs: Tensor, labels: Tensor, rates: Tensor
) -> tuple[list[_Step], Tensor]:
    steps: list[_Step] = []
    for t in range(len(rates)):
        s = t % len(inputs)
        weights = flat.detach().clone().requires_grad_()
        x, rate = inputs[s].detach().requires_grad_(), rates[t].detach().requires_grad_()
        loss = F.cross_entropy(_call(module, weights, x), labels[s])
        (gradient,) = torch.autograd.grad(loss, weights, create_graph=True)
        change = rate * gradient
        steps.append((t, weights, x, rate, change))
        flat = weights.detach() - change.detach()
    return steps, flat.requires_grad_()


def _backward(steps: list[_Step], adjoint: Tensor, by_input: Tensor, by_rate: Tensor) -> None:
    while steps:
        t, weights, x, rate, change = steps.pop()
        moved, for_x, for_rate = torch.autograd.grad(change, (weights, x, rate), -adjoint)
        by_input[t % len(by_input)] += for_x
        by_rate[t] += for_rate
        adjoint = adjoint + moved


def _call(module: nn.Module, flat: Tensor, x: Tensor) -> Tensor:
    """Compute ``module`` with its weights taken, as views, from ``flat``."""
    shapes = {name: p.shape for name, p in module.named_parameters()}
    pieces = flat.split([math.prod(shape) for shape in shapes.values()])
    weights = {name: piece.view(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}
    logits: Tensor = torch.func.functional_call(module, weights, (x,))
    return logits

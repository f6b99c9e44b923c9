"""Smoothed second derivatives: values and gradients stay, and what they stand for is the derivative of a smooth function."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from distiller.losses import cross_entropy
from distiller.networks import Stack, build
from distiller.networks.smoothing import TEMPERATURE, Smoothed, curvature, largest, pooled, rectified

WIDTH = 0.3


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def softplus(values):
    return WIDTH * F.softplus(values / WIDTH)


def logsumexp(values):
    return TEMPERATURE * WIDTH * torch.logsumexp(values / (TEMPERATURE * WIDTH), -1)


@pytest.mark.parametrize(
    ("smooth", "exact", "surrogate"),
    [
        (lambda x: rectified(x, WIDTH), F.relu, softplus),
        (lambda x: largest(x, WIDTH), lambda x: x.max(-1).values, logsumexp),
    ],
)
def test_values_and_gradients_are_exact_and_the_second_derivative_is_the_smooth_functions(smooth, exact, surrogate):
    x, along = randn(5, 4), randn(5, 4, seed=1)
    weight = randn(*exact(x).shape, seed=2)
    leaf = x.clone().requires_grad_()
    assert torch.equal(smooth(leaf), exact(leaf))
    ours, theirs = (torch.autograd.grad(f(leaf), leaf, weight)[0] for f in (smooth, exact))
    assert torch.equal(ours, theirs)
    torch.testing.assert_close(curvature(smooth, x, weight, along), curvature(surrogate, x, weight, along))
    assert curvature(smooth, x, weight, along).abs().max() > 0.01
    # ReLU's own is zero everywhere, which is what the smoothing is for.
    assert not curvature(lambda x: exact(x) + 0 * x.sum() ** 2, x, weight, along).any()


@pytest.mark.parametrize("sizes", [(2, 2, 0), (3, 2, 1)])
def test_pooling_is_that_of_torch(sizes):
    x = randn(2, 3, 8, 8)
    assert torch.equal(pooled(x, *sizes, WIDTH), F.max_pool2d(x, *sizes))


class Plain(nn.Module):
    """ReLU and pooling in every spelling, and what stays as it is."""

    def __init__(self, shape, outputs):
        super().__init__()
        self.conv, self.relu, self.pool = nn.Conv2d(1, 3, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2)
        self.out = nn.Linear(3 * 3 * 3, outputs)

    def forward(self, x):
        x = self.pool(self.relu(self.conv(x)))
        return self.out(torch.tanh(x).relu().flatten(1))


def derivatives(stack, shape, networks=2):
    """Return the derivatives of ⟨gradient, fixed numbers⟩ by parameters, inputs and labels."""
    params = stack.draw("xavier_normal", torch.arange(networks) + 5, torch.float64)
    leaves = [p.requires_grad_() for p in params]
    x, q = randn(3, *shape).requires_grad_(), F.one_hot(torch.arange(3), 10).double().requires_grad_()
    gradient = stack.gradient(tuple(leaves), x, q, cross_entropy)
    total = sum((g * randn(*g.shape, seed=i)).sum() for i, g in enumerate(gradient))
    return gradient, torch.autograd.grad(total, [*leaves, x, q])


@pytest.mark.parametrize(
    ("name", "shape", "backend"),
    [("lenet", (1, 28, 28), "batched"), ("lenet", (1, 28, 28), "vmap"), ("alexcifarnet", (3, 32, 32), "batched")],
)
def test_every_backend_smooths_alike(name, shape, backend):
    module = build(name, shape, 10)
    gradient, ours = derivatives(Stack(module, backend, WIDTH), shape)
    again, theirs = derivatives(Stack(module, "loop", WIDTH), shape)
    exactly, exact = derivatives(Stack(module, backend), shape)
    for a, b, c in zip(gradient, again, exactly, strict=True):
        assert torch.equal(a, c), "the gradient itself is exact"
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)
    assert any((a - b).abs().max() > 1e-3 * b.abs().max() for a, b in zip(ours, exact, strict=True))
    # Labels enter the gradient linearly, with no activation in between: nothing of theirs is smoothed.
    torch.testing.assert_close(ours[-1], exact[-1])


def test_modules_of_ones_own_are_smoothed_in_every_spelling():
    module = Plain((1, 8, 8), 10)
    x = randn(4, 1, 8, 8)
    params = dict(module.double().named_parameters())
    with Smoothed(WIDTH):
        smooth = module(x)
    assert torch.equal(smooth, module(x))
    along = {name: randn(*p.shape, seed=3) for name, p in params.items()}

    def second(context):
        with context:
            loss = F.cross_entropy(module(x), torch.arange(4))
        first = torch.autograd.grad(loss, list(params.values()), create_graph=True)
        inner = sum((g * along[name]).sum() for name, g in zip(params, first, strict=True))
        return torch.autograd.grad(inner, params["conv.weight"])[0]

    class Written(Plain):
        def forward(self, x):
            x = pooled(rectified(self.conv(x), WIDTH), 2, 2, 0, WIDTH)
            return self.out(rectified(torch.tanh(x), WIDTH).flatten(1))

    ours = second(Smoothed(WIDTH))
    written = Written((1, 8, 8), 10).double()
    written.load_state_dict(module.state_dict())
    module, params = written, dict(written.named_parameters())
    torch.testing.assert_close(ours, second(torch.enable_grad()))

import pytest
import torch
from torch import nn

from distiller.networks import Headless, NetworkError, Stack, build
from distiller.seeds import seed_tensor

CASES = [
    ("lenet", (1, 28, 28), "batched", 84),
    ("lenet", (3, 32, 32), "loop", 84),
    ("lenet", (1, 28, 28), "vmap", 84),
    ("alexcifarnet", (3, 32, 32), "batched", 192),
    ("convnet3", (3, 8, 8), "loop", 128),
]


@pytest.mark.parametrize("name, shape, backend, size", CASES)
def test_features_and_heads_make_the_logits_of_whole_networks(name, shape, backend, size):
    stack = Stack(build(name, shape, 10), backend)
    params = stack.draw("default", seed_tensor([1, 2]), torch.float64)
    inputs = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    cut = Headless(stack, shape)
    body = cut.body(params)
    features = cut.features(body, inputs)
    assert features.shape == (2, 3, cut.size) == (2, 3, size + 1)
    assert torch.equal(features[..., -1], torch.ones(2, 3, dtype=torch.float64))
    assert torch.allclose(cut.features_of_many(body, inputs), features)
    # Put the networks' own heads back, then others.
    weight, bias = (p for p in params if p.shape[1] == 10 and p.shape[-1] in (10, size) and p.ndim <= 3)
    own = torch.cat([weight.mT, bias[:, None]], dim=1)
    assert all(map(torch.equal, cut.whole(body, own), params))
    for heads in (own, torch.randn(2, size + 1, 10, dtype=torch.float64)):
        assert torch.allclose(stack.logits(cut.whole(body, heads), inputs), features @ heads, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name, shape, backend, size", CASES[:4:3])
def test_features_are_differentiated_by_every_parameter_of_the_body(name, shape, backend, size):
    results = []
    inputs = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for each in (backend, "loop"):
        stack = Stack(build(name, shape, 10), each)
        cut = Headless(stack, shape)
        body = cut.body(stack.draw("default", seed_tensor([1, 2]), torch.float64))
        body = tuple(p.requires_grad_() for p in body)
        results.append(torch.autograd.grad(cut.features(body, inputs).square().sum(), body))
    for ours, theirs in zip(*results, strict=True):
        assert theirs.abs().max() > 0
        assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-9 * theirs.abs().max().item())


class Tempered(nn.Module):
    """Logits that are not the last layer's own."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(4, 3)

    def forward(self, inputs):
        return 2 * self.last(inputs.flatten(1))


class Convolved(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Conv2d(1, 3, 2)

    def forward(self, inputs):
        return self.last(inputs).flatten(1)


class Reached(Tempered):
    """Reads the last layer's weight and does not call it."""

    def forward(self, inputs):
        return nn.functional.linear(inputs.flatten(1), self.last.weight, self.last.bias)


class Unbiased(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(4, 3, bias=False)

    def forward(self, inputs):
        return self.last(inputs.flatten(1))


@pytest.mark.parametrize(
    "kind, message",
    [
        (Tempered, "Tempered: its logits are not those of last, the last linear layer, which method ridge solves for"),
        (Reached, "Reached cannot be cut before last, as method ridge wants: AttributeError"),
        (Convolved, "Convolved has no last linear layer with a bias, which method ridge solves for"),
        (Unbiased, "Unbiased has no last linear layer with a bias, which method ridge solves for"),
    ],
)
def test_a_network_that_cannot_be_cut_is_refused(kind, message):
    with pytest.raises(NetworkError) as caught:
        Headless(Stack(kind(), "loop"), (1, 2, 2))
    assert str(caught.value).startswith(message)

import pytest
import torch

from distiller.data import Examples
from distiller.labels import NETWORK_LR
from distiller.losses import cross_entropy, one_hot
from distiller.networks import Headless, Stack, build
from distiller.ridge import MIXING, PENALTY, SCALE_LR, RidgeNetworks, ridge, train_by_ridge
from distiller.seeds import seed_tensor
from distiller.unroll import score
from tests.distiller.small_data import blobs

DATA = blobs(dtype=torch.float64)
STACK = Stack(build("lenet", DATA.shape, DATA.outputs), "batched")
REAL = Examples(DATA.train.inputs[20:50], DATA.train.labels[20:50])
INPUTS = DATA.train.inputs[:5]
LABELS = torch.rand(5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def drawn(*seeds):
    return STACK.draw("default", seed_tensor(seeds), torch.float64)


def ridge_networks(networks):
    return RidgeNetworks(STACK, networks, DATA.shape, DATA.outputs)


def plain_head(features, labels):
    """Ridge regression by its normal equations, the other way round than the code has it."""
    gram = features.mT @ features + PENALTY * torch.eye(features.shape[-1], dtype=features.dtype)
    return torch.linalg.inv(gram) @ features.mT @ labels


class Plain:
    """One network of the method written plainly: one graph through everything."""

    def __init__(self, networks):
        self.headless = Headless(STACK, DATA.shape)
        self.body = [p.clone().requires_grad_() for p in self.headless.body(networks)]
        self.scale = torch.ones((), dtype=torch.float64, requires_grad=True)
        self.head = torch.zeros(1, 85, 3, dtype=torch.float64)
        self.adam = torch.optim.Adam(
            [{"params": self.body, "lr": NETWORK_LR}, {"params": [self.scale], "lr": SCALE_LR}]
        )

    def features(self, inputs):
        return self.headless.features(tuple(self.body), inputs)

    def label_gradient(self, labels):
        self.before, labels = labels, labels.clone().requires_grad_()
        mixed = (1 - MIXING) * self.head + MIXING * plain_head(self.features(INPUTS), labels)
        logits = self.scale * self.features(REAL.inputs) @ mixed
        return torch.autograd.grad(cross_entropy(logits, one_hot(REAL.labels, 3).double()).sum(), labels)[0]

    def learn(self, labels):
        mixed = (1 - MIXING) * self.head + MIXING * plain_head(self.features(INPUTS), self.before)
        self.adam.zero_grad()
        cross_entropy(self.scale * self.features(INPUTS) @ mixed, labels).sum().backward()
        self.adam.step()
        self.head = mixed.detach()


@pytest.mark.parametrize("rows", [3, 200])
def test_the_small_system_solves_the_large_one(rows):
    features = torch.randn(2, rows, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = torch.rand(rows, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert torch.allclose(ridge(features, labels), plain_head(features, labels), rtol=1e-9, atol=1e-11)


def test_gradients_and_steps_are_those_of_one_graph_through_everything():
    networks, plain = ridge_networks(drawn(3)), Plain(drawn(3))
    for step in range(4):
        labels = LABELS + 0.1 * step
        gradient, _ = networks.label_gradient(INPUTS, labels, REAL, 3)
        expected = plain.label_gradient(labels)
        assert expected.abs().max() > 1e-6
        assert torch.allclose(gradient, expected, rtol=0, atol=1e-12 * max(1.0, expected.abs().max().item()))
        # The network learns from other labels than those that its head was mixed from.
        networks.learn(LABELS.flip(0))
        plain.learn(LABELS.flip(0))
        tensors = networks.tensors()
        assert torch.allclose(tensors["network.heads"], plain.head, rtol=1e-9, atol=1e-12)
        assert torch.allclose(tensors["network.scale"].squeeze(), plain.scale.detach(), rtol=1e-9)
        for index, p in enumerate(plain.body):
            assert torch.allclose(tensors[f"network.{index}"], p.detach(), rtol=1e-7, atol=1e-10)
    assert plain.scale != 1


def test_several_networks_do_not_feel_each_other():
    batches = [(INPUTS, LABELS)] * 5
    together = train_by_ridge(STACK, drawn(3, 4), batches, 1e-3)
    alone = train_by_ridge(STACK, drawn(4), batches, 1e-3)
    assert all(torch.allclose(a[1:], b, rtol=1e-9, atol=1e-11) for a, b in zip(together, alone, strict=True))


def test_what_is_trained_is_a_whole_network_that_classifies_without_the_scale():
    networks = ridge_networks(drawn(3, 4))
    networks.see(INPUTS, LABELS)
    networks.learn(LABELS)
    networks.see(INPUTS, LABELS)
    whole, cut = networks.networks(), Headless(STACK, DATA.shape)
    heads = networks.tensors()["network.heads"]
    assert torch.allclose(STACK.logits(whole, REAL.inputs), cut.features(cut.body(whole), REAL.inputs) @ heads)
    scored = score(STACK, train_by_ridge(STACK, drawn(3), [], 1e-3), REAL.inputs, REAL.labels, classes=3, real_chunk=9)
    untrained = score(STACK, drawn(3), REAL.inputs, REAL.labels, classes=3, real_chunk=9)
    assert torch.equal(scored.loss, untrained.loss)


def test_a_network_goes_on_where_it_stopped():
    networks, other = ridge_networks(drawn(3)), ridge_networks(drawn(4))
    networks.label_gradient(INPUTS, LABELS, REAL, 3)
    networks.learn(LABELS)
    other.load(networks.tensors())
    for each in (networks, other):
        each.label_gradient(INPUTS, LABELS, REAL, 3)
        each.learn(LABELS)
    assert all(torch.equal(tensor, other.tensors()[name]) for name, tensor in networks.tensors().items())

import pytest
import torch

from distiller.data import Examples
from distiller.labels import INNER_LR, NETWORK_LR, SecondOrder
from distiller.losses import cross_entropy, one_hot
from distiller.networks import Stack, build
from distiller.seeds import seed_tensor
from tests.distiller.small_data import blobs


def second_order(network="lenet", backend="batched", classes=3, shape=(1, 28, 28), rows=5):
    data = blobs(classes, shape, dtype=torch.float64)
    stack = Stack(build(network, shape, data.outputs), backend)
    drawn = stack.draw("default", seed_tensor([3]), torch.float64)
    generator = torch.Generator().manual_seed(1)
    labels = torch.rand(rows, data.outputs, generator=generator, dtype=torch.float64)
    real = Examples(data.train.inputs[20:50], data.train.labels[20:50])
    return SecondOrder(stack, drawn, real_chunk=8), stack, drawn, data.train.inputs[:rows], labels, real


def by_double_backward(stack, drawn, inputs, labels, real, classes):
    """The labels' gradient through a graph of the whole inner step."""
    leaves, q = [p.clone().requires_grad_() for p in drawn], labels.clone().requires_grad_()
    inner = torch.autograd.grad(cross_entropy(stack.logits(leaves, inputs), q).sum(), leaves, create_graph=True)
    stepped = tuple(p - INNER_LR * g for p, g in zip(leaves, inner, strict=True))
    loss = cross_entropy(stack.logits(stepped, real.inputs), one_hot(real.labels, classes).double())
    return torch.autograd.grad(loss.sum(), q)[0], loss.detach()


@pytest.mark.parametrize(
    "network, backend, classes, shape",
    [
        ("lenet", "batched", 3, (1, 28, 28)),
        ("lenet", "loop", 3, (1, 28, 28)),
        ("lenet", "vmap", 3, (1, 28, 28)),
        ("lenet", "batched", 2, (1, 28, 28)),
        ("alexcifarnet", "batched", 3, (3, 32, 32)),
        ("convnet3", "loop", 3, (3, 8, 8)),
    ],
)
def test_one_product_is_the_gradient_through_the_whole_inner_step(network, backend, classes, shape):
    online, stack, drawn, inputs, labels, real = second_order(network, backend, classes, shape)
    gradient, score = online.label_gradient(inputs, labels, real, classes)
    expected, loss = by_double_backward(stack, drawn, inputs, labels, real, classes)
    assert gradient.abs().max() > 1e-7
    assert torch.allclose(gradient, expected, rtol=1e-12, atol=1e-12 * expected.abs().max().item())
    assert torch.allclose(score.loss, loss, rtol=1e-12)


def test_the_network_learns_from_the_labels_before_their_own_step():
    online, stack, drawn, inputs, labels, real = second_order()
    plain = [p.clone().requires_grad_() for p in drawn]
    adam = torch.optim.Adam(plain, lr=NETWORK_LR)
    for step in range(3):
        online.label_gradient(inputs, labels + step, real, 3)
        online.learn(labels * 100)
        adam.zero_grad()
        cross_entropy(stack.logits(tuple(plain), inputs), labels + step).sum().backward()
        adam.step()
    for index, p in enumerate(plain):
        assert torch.allclose(online.tensors()[f"network.{index}"], p.detach(), rtol=1e-9, atol=1e-12)


def test_an_online_network_goes_on_where_it_stopped():
    online, stack, drawn, inputs, labels, real = second_order()
    other = SecondOrder(stack, tuple(p + 1 for p in drawn), real_chunk=8)
    online.label_gradient(inputs, labels, real, 3)
    online.learn(labels)
    other.load(online.tensors())
    for each in (online, other):
        each.label_gradient(inputs, labels, real, 3)
        each.learn(labels)
    assert all(torch.equal(tensor, other.tensors()[name]) for name, tensor in online.tensors().items())

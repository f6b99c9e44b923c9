"""All backends are one function: the same logits, gradients and products with second derivatives."""

import functools

import pytest
import torch

from distiller.networks import NetworkError, Stack, build
from distiller.seeds import seed_tensor

CASES = [("lenet", (1, 28, 28)), ("lenet", (3, 32, 32)), ("alexcifarnet", (3, 32, 32))]
CASES += [("convnet3", (3, 8, 8)), ("resnet14", (3, 8, 8))]
BACKENDS = {
    "lenet": ["vmap", "batched"],
    "alexcifarnet": ["vmap", "batched"],
    "convnet3": ["vmap"],
    "resnet14": ["vmap"],
}
PAIRS = [(name, shape, backend) for name, shape in CASES for backend in BACKENDS[name]]


def example(shape, networks, rows, dtype=torch.float64):
    generator = torch.Generator().manual_seed(7)
    inputs = torch.randn(rows, *shape, generator=generator, dtype=torch.float64).to(dtype)
    labels = torch.randn(rows, 10, generator=generator, dtype=torch.float64).to(dtype)
    return inputs, labels, seed_tensor([10 + k for k in range(networks)])


def soft_cross_entropy(logits, labels):
    return -(labels * logits.log_softmax(-1)).sum(-1).mean(-1)


def noise(tensors):
    generator = torch.Generator().manual_seed(11)
    return [torch.randn(t.shape, generator=generator, dtype=torch.float64).to(t.dtype) for t in tensors]


def close(ours, theirs, tolerance=1e-12):
    """Compare lists of tensors by the largest of all: a bias before a norm layer has no gradient but rounding."""
    scale = max(t.abs().max().item() for t in theirs)
    return all(torch.allclose(a, b, rtol=0, atol=tolerance * scale) for a, b in zip(ours, theirs, strict=True))


def leaves_of(stack, shape, networks, rows):
    inputs, labels, seeds = example(shape, networks, rows)
    drawn = [p.requires_grad_() for p in stack.draw("xavier_normal", seeds, torch.float64)]
    # Biases too, so that no two windows of a pooling tie at zero.
    with torch.no_grad():
        for p, n in zip(drawn, noise(drawn), strict=True):
            p += 0.01 * n
    return tuple(drawn), inputs.requires_grad_(), labels.requires_grad_()


def through_logits(stack, shape, networks, rows=2):
    """Logits, the gradient by parameters and inputs, and its product with a fixed direction differentiated once more."""
    params, inputs, labels = leaves_of(stack, shape, networks, rows)
    logits = stack.logits(params, inputs)
    loss = soft_cross_entropy(logits, labels).sum()
    first = torch.autograd.grad(loss, [*params, inputs], create_graph=True)
    second = torch.autograd.grad(first, [*params, inputs, labels], noise(first))
    return [logits], first, second


def through_gradient(stack, shape, networks, rows=2):
    params, inputs, labels = leaves_of(stack, shape, networks, rows)
    first = stack.gradient(params, inputs, labels, soft_cross_entropy)
    second = torch.autograd.grad(first, [*params, inputs, labels], noise(first))
    return first, second


def through_tangent(stack, shape, networks, rows=2):
    params, inputs, _ = leaves_of(stack, shape, networks, rows)
    params = tuple(p.detach() for p in params)
    return [stack.tangent(params, inputs.detach(), tuple(noise(params)))]


@functools.cache
def by_loop(through, name, shape, networks):
    return through(Stack(build(name, shape, 10), "loop"), shape, networks)


@pytest.mark.parametrize("through", [through_logits, through_gradient, through_tangent])
@pytest.mark.parametrize("networks", [1, 2])
@pytest.mark.parametrize("name, shape, backend", PAIRS)
def test_backends_are_equal_to_the_second_derivative(name, shape, backend, networks, through):
    ours = through(Stack(build(name, shape, 10), backend), shape, networks)
    for mine, theirs in zip(ours, by_loop(through, name, shape, networks), strict=True):
        assert close(mine, theirs)


def test_a_tangent_is_the_difference_of_logits_on_either_side():
    stack = Stack(build("lenet", (1, 28, 28), 10), "batched")
    params, inputs, _ = leaves_of(stack, (1, 28, 28), 2, 3)
    params, inputs = tuple(p.detach() for p in params), inputs.detach()
    along = tuple(1e-6 * n for n in noise(params))
    ahead, behind = (
        stack.logits(tuple(p + sign * a for p, a in zip(params, along, strict=True)), inputs) for sign in (1, -1)
    )
    logits, tangent = stack.tangent(params, inputs, along)
    assert torch.allclose(logits, stack.logits(params, inputs))
    assert torch.allclose(tangent, (ahead - behind) / 2, rtol=1e-5, atol=1e-11)


@pytest.mark.parametrize("name, shape", [("lenet", (1, 28, 28)), ("alexcifarnet", (3, 32, 32))])
@pytest.mark.parametrize("most", [2, 6])
def test_many_inputs_are_computed_in_parts_that_add_up(name, shape, most, monkeypatch):
    module = build(name, shape, 10)
    monkeypatch.setattr(type(module.batched()), "most", most)
    inputs, labels, seeds = example(shape, 3, 3)
    params = tuple(p.requires_grad_() for p in Stack(module, "loop").draw("default", seeds, torch.float64))
    results = []
    for backend in ("batched", "loop"):
        logits = Stack(module, backend).logits_of_many(params, inputs)
        results.append([logits, *torch.autograd.grad(soft_cross_entropy(logits, labels).sum(), params)])
    assert close(*results)


@pytest.mark.parametrize("name, shape, backend", [*PAIRS, ("lenet", (1, 28, 28), "loop")])
def test_networks_in_a_stack_do_not_feel_each_other(name, shape, backend):
    stack = Stack(build(name, shape, 10), backend)
    params, inputs, labels = leaves_of(stack, shape, 2, 2)
    together = [stack.logits(params, inputs), *stack.gradient(params, inputs, labels, soft_cross_entropy)]
    one = tuple(p[1:2].detach().requires_grad_() for p in params)
    alone = [stack.logits(one, inputs), *stack.gradient(one, inputs, labels, soft_cross_entropy)]
    assert close(alone, [t[1:2] for t in together])


@pytest.mark.parametrize("networks", [1, 2])
def test_ties_in_pooling_go_one_way(networks):
    """The background of digits makes equal windows, of which one is chosen: together they count once."""
    inputs, labels, seeds = example((1, 28, 28), networks, 4)
    inputs[:, :, :9] = inputs[:, :, 19:] = inputs[:, :, :, :9] = inputs[:, :, :, 19:] = -0.42
    module = build("lenet", (1, 28, 28), 10)
    results = []
    for backend in ("loop", "batched"):
        stack = Stack(module, backend)
        params = tuple(p.requires_grad_() for p in stack.draw("xavier_normal", seeds, torch.float64))
        loss = soft_cross_entropy(stack.logits_of_many(params, inputs), labels).sum()
        results.append(torch.autograd.grad(loss, params))
    assert close(*results)


@pytest.mark.parametrize("backend", ["loop", "vmap", "batched"])
def test_without_gradients_enabled_the_gradient_has_no_graph(backend):
    stack = Stack(build("lenet", (1, 28, 28), 10), backend)
    params, inputs, labels = leaves_of(stack, (1, 28, 28), 2, 2)
    graph = stack.gradient(params, inputs, labels, soft_cross_entropy)
    with torch.no_grad():
        plain = stack.gradient(params, inputs, labels, soft_cross_entropy)
        bare = stack.gradient(tuple(p.detach() for p in params), inputs.detach(), labels.detach(), soft_cross_entropy)
    assert all(g.requires_grad for g in graph)
    assert not any(g.requires_grad for g in [*plain, *bare])
    assert close(plain, graph)
    assert close(bare, graph)


@pytest.mark.parametrize("name, shape, backend", PAIRS)
def test_single_precision_is_near_double(name, shape, backend):
    stack = Stack(build(name, shape, 10), backend)
    inputs, _, seeds = example(shape, 2, 3)
    double = stack.logits(stack.draw("xavier_normal", seeds, torch.float64), inputs)
    single = stack.logits(stack.draw("xavier_normal", seeds, torch.float32), inputs.float())
    assert torch.allclose(single.double(), double, rtol=0, atol=1e-4 * double.abs().max().item())


def test_names_shapes_and_count_are_the_modules():
    module = build("lenet", (1, 28, 28), 10)
    stack = Stack(module, "loop")
    assert dict(zip(stack.names, stack.shapes, strict=True)) == {n: p.shape for n, p in module.named_parameters()}
    assert stack.count == 61_706


def test_batched_wants_code_of_the_networks_own():
    with pytest.raises(NetworkError, match="ConvNet3 has no batched code of its own; backend loop or vmap computes it"):
        Stack(build("convnet3", (3, 32, 32), 10), "batched")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("networks", [1, 3])
@pytest.mark.parametrize("name, shape, backend", [*PAIRS, *((n, s, "loop") for n, s in CASES)])
def test_cuda_computes_what_a_cpu_computes(name, shape, backend, networks):
    stack = Stack(build(name, shape, 10), backend)
    params, inputs, labels = leaves_of(stack, shape, networks, 3)
    results = []
    for device in ("cpu", "cuda"):
        there = tuple(p.detach().to(device).requires_grad_() for p in params)
        x, q = (t.detach().to(device).requires_grad_() for t in (inputs, labels))
        first = stack.gradient(there, x, q, soft_cross_entropy)
        directions = [n.to(device) for n in noise(first)]
        second = torch.autograd.grad(first, [*there, x, q], directions)
        results.append([t.cpu() for t in (stack.logits_of_many(there, x), *first, *second)])
    assert close(*results, tolerance=1e-10)

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from distiller.losses import cross_entropy, one_hot
from distiller.networks import Stack, build
from distiller.seeds import seed_tensor
from distiller.unroll import meta_gradient, score, train

BATCHES, EPOCHS, EXAMPLES, REAL = 2, 2, 4, 7
SHAPES = {"lenet": (1, 28, 28), "alexcifarnet": (3, 32, 32), "convnet3": (3, 32, 32), "smooth": (1, 6, 6)}


class Smooth(nn.Module):
    """A network without kinks, so that finite differences tell the truth."""

    def __init__(self, shape, outputs):
        super().__init__()
        self.conv = nn.Conv2d(shape[0], 3, 3)
        self.head = nn.Linear(12, outputs)

    def forward(self, x):
        return self.head(F.avg_pool2d(torch.tanh(self.conv(x)), 2).flatten(1))


def problem(name, networks, classes=5, backend="auto", seed=0):
    """A small float64 problem: the stack, K drawn networks, a distilled set and a real batch."""
    shape, outputs = SHAPES[name], 1 if classes == 2 else classes
    module = Smooth(shape, outputs) if name == "smooth" else build(name, shape, outputs)
    stack = Stack(module.double(), ("batched" if name == "lenet" else "loop") if backend == "auto" else backend)
    generator = torch.Generator().manual_seed(seed)
    distilled = {
        "inputs": torch.randn(BATCHES, EXAMPLES, *shape, generator=generator, dtype=torch.float64),
        "labels": torch.randn(BATCHES, EXAMPLES, outputs, generator=generator, dtype=torch.float64),
        "rates": 0.02 + 0.1 * torch.rand(BATCHES * EPOCHS, generator=generator, dtype=torch.float64),
    }
    real_inputs = torch.randn(REAL, *shape, generator=generator, dtype=torch.float64)
    real_labels = torch.randint(classes, (REAL,), generator=generator)
    parameters = stack.draw("xavier_normal", seed_tensor(range(networks)), torch.float64)
    return stack, module, parameters, distilled, real_inputs, real_labels, classes


def brute_force(module, stack, parameters, distilled, real_inputs, real_labels, classes):
    """Differentiate the whole unroll as one graph, one network after another, with nothing but torch."""
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in distilled.items()}
    losses = []
    for k in range(parameters[0].shape[0]):
        theta = {name: p[k].clone().requires_grad_() for name, p in zip(stack.names, parameters, strict=True)}
        for t in range(BATCHES * EPOCHS):
            x, q = leaves["inputs"][t % BATCHES], leaves["labels"][t % BATCHES]
            loss = cross_entropy(torch.func.functional_call(module, theta, (x,)), q)
            gradient = torch.autograd.grad(loss, list(theta.values()), create_graph=True)
            theta = {name: p - leaves["rates"][t] * g for (name, p), g in zip(theta.items(), gradient, strict=True)}
        logits = torch.func.functional_call(module, theta, (real_inputs,))
        losses.append(cross_entropy(logits, one_hot(real_labels, classes).double()))
    gradients = torch.autograd.grad(torch.stack(losses).mean(), list(leaves.values()))
    return torch.stack(losses).detach(), dict(zip(leaves, gradients, strict=True))


def ours(problem, **options):
    stack, _, parameters, distilled, real_inputs, real_labels, classes = problem
    settings = {"classes": classes, "learn_labels": True, "memory": "saved", "chunk": 8, "real_chunk": 128} | options
    return meta_gradient(stack, parameters, **distilled, real_inputs=real_inputs, real_labels=real_labels, **settings)


def assert_equal(meta, expected, tolerance=1e-12):
    losses, gradients = expected
    assert torch.allclose(meta.score.loss, losses, rtol=tolerance, atol=0)
    for name, gradient in gradients.items():
        error = (getattr(meta, name) - gradient).norm() / gradient.norm()
        assert error < tolerance, f"{name}: relative error {error:.1e}"


@pytest.mark.parametrize("memory", ["saved", "recompute"])
@pytest.mark.parametrize("networks", [1, 4])
@pytest.mark.parametrize("name", ["lenet", "alexcifarnet", "convnet3", "smooth"])
def test_meta_gradient_is_that_of_the_whole_graph(name, networks, memory):
    stack, module, parameters, distilled, real_inputs, real_labels, classes = posed = problem(name, networks)
    expected = brute_force(module, stack, parameters, distilled, real_inputs, real_labels, classes)
    assert_equal(ours(posed, memory=memory), expected)
    # Chunks of networks and of real examples, neither dividing its whole.
    assert_equal(ours(posed, memory=memory, chunk=3, real_chunk=3), expected)


@pytest.mark.parametrize("backend", ["loop", "vmap", "batched"])
@pytest.mark.parametrize("memory", ["saved", "recompute"])
def test_every_backend_gives_the_same(backend, memory):
    stack, module, parameters, distilled, real_inputs, real_labels, classes = posed = problem(
        "lenet", 3, backend=backend
    )
    expected = brute_force(module, stack, parameters, distilled, real_inputs, real_labels, classes)
    assert_equal(ours(posed, memory=memory), expected)


def test_two_classes_have_one_logit():
    stack, module, parameters, distilled, real_inputs, real_labels, classes = posed = problem("lenet", 2, classes=2)
    assert distilled["labels"].shape[-1] == 1
    expected = brute_force(module, stack, parameters, distilled, real_inputs, real_labels, classes)
    assert_equal(ours(posed), expected)


@pytest.mark.parametrize("name", ["lenet", "smooth"])
@pytest.mark.parametrize("learn_labels", [True, False])
def test_inputs_that_stay_have_no_derivative_and_change_no_other(name, learn_labels):
    posed = problem(name, 2)
    learned, fixed = (ours(posed, learn_labels=learn_labels, learn_inputs=learn) for learn in (True, False))
    assert fixed.inputs is None
    assert torch.equal(fixed.rates, learned.rates)
    assert (fixed.labels is None) == (not learn_labels)
    assert not learn_labels or torch.equal(fixed.labels, learned.labels)


def test_hard_labels_have_no_derivative_and_change_no_other():
    posed = problem("smooth", 2)
    learned, fixed = ours(posed), ours(posed, learn_labels=False)
    assert fixed.labels is None
    assert torch.equal(learned.inputs, fixed.inputs)
    assert torch.equal(learned.rates, fixed.rates)


@pytest.mark.parametrize("name", ["inputs", "labels", "rates"])
def test_finite_differences_agree_on_a_smooth_network(name):
    stack, module, parameters, distilled, *rest = posed = problem("smooth", 2)
    gradient = getattr(ours(posed), name)
    direction = torch.randn(gradient.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def loss(shift):
        moved = distilled | {name: distilled[name] + shift * direction}
        return ours((stack, module, parameters, moved, *rest)).score.loss.mean().item()

    step = 1e-5
    slope = (loss(step) - loss(-step)) / (2 * step)
    assert slope == pytest.approx((gradient * direction).sum().item(), rel=1e-7)


def test_a_stack_gives_what_its_networks_give_alone():
    stack, module, parameters, *rest = posed = problem("lenet", 4)
    stacked = ours(posed)
    alone = [ours((stack, module, tuple(p[k : k + 1] for p in parameters), *rest)) for k in range(4)]
    for name in ("inputs", "labels", "rates"):
        mean = torch.stack([getattr(meta, name) for meta in alone]).mean(0)
        assert (getattr(stacked, name) - mean).norm() / mean.norm() < 1e-12
    assert torch.allclose(stacked.score.loss, torch.cat([meta.score.loss for meta in alone]), rtol=1e-13, atol=0)


def test_train_follows_the_curriculum():
    stack, _, parameters, distilled, real_inputs, real_labels, classes = posed = problem("lenet", 2)
    batches = [
        (distilled["inputs"][t % BATCHES], distilled["labels"][t % BATCHES], distilled["rates"][t])
        for t in range(BATCHES * EPOCHS)
    ]
    trained = train(stack, parameters, batches)
    scored = score(stack, trained, real_inputs, real_labels, classes=classes, real_chunk=3)
    assert torch.allclose(scored.loss, ours(posed).score.loss, rtol=1e-13, atol=0)
    assert torch.equal(scored.accuracy, ours(posed).score.accuracy)
    # Order matters: the same steps backwards train another network.
    other = score(
        stack, train(stack, parameters, batches[::-1]), real_inputs, real_labels, classes=classes, real_chunk=3
    )
    assert not torch.allclose(other.loss, scored.loss)


def test_a_rate_that_explodes_is_passed_on_not_raised():
    stack, module, parameters, distilled, *rest = problem("lenet", 1)
    meta = ours((stack, module, parameters, distilled | {"rates": distilled["rates"] * 1e300}, *rest))
    assert not math.isfinite(meta.score.loss.item())


@pytest.mark.parametrize("kept", [0, 10**6])
def test_weights_that_are_computed_a_second_time_are_the_same(monkeypatch, kept):
    posed = problem("lenet", 2)
    long = posed[3] | {"rates": 0.05 * posed[3]["rates"].repeat(3)[: 5 * BATCHES]}
    posed = (*posed[:3], long, *posed[4:])
    expected = ours(posed, memory="recompute")
    monkeypatch.setattr("distiller.unroll._WEIGHTS_KEPT", kept)
    again = ours(posed, memory="recompute")
    for name in ("inputs", "labels", "rates"):
        assert torch.equal(getattr(expected, name), getattr(again, name)), name

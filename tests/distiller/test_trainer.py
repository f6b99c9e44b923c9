import dataclasses

import pytest
import torch
import torch.nn.functional as F

from distiller.baselines import baseline_examples, baseline_set
from distiller.distill import draw_networks, stack_of
from distiller.networks import build
from distiller.recipe import Recipe
from distiller.seeds import derive
from distiller.trainer import train_networks
from distiller.training import Training, TrainingError
from tests.distiller.small_data import blobs

DATA = blobs(dtype=torch.float64)
RECIPE = Recipe(data="blobs", network="lenet", steps=3, epochs=2, dtype="float64", labels="soft")
REAL = baseline_set(RECIPE, DATA, baseline_examples("random_real", RECIPE, DATA, draw=0), rate=0.02)
# Every batch, label and rate is told apart from the others.
SET = dataclasses.replace(
    REAL,
    labels=REAL.labels + 0.3 * torch.randn(REAL.labels.shape, generator=torch.Generator().manual_seed(1)).double(),
    rates=torch.linspace(0.01, 0.06, 6, dtype=torch.float64),
)
SEEDS = [derive("test", k) for k in range(3)]
STACK = stack_of(RECIPE, DATA)
DRAWN = draw_networks(RECIPE, STACK, SEEDS, "cpu")


def trained(training, seeds=SEEDS, distilled=SET):
    rows = [SEEDS.index(seed) for seed in seeds]
    return train_networks(STACK, tuple(p[rows] for p in DRAWN), distilled, training, seeds)


def one_by_one(training, batches):
    """Train a module of each seed with torch's own optimiser on (inputs, labels, rate or None), and stack them again."""
    networks = []
    for k in range(len(SEEDS)):
        module = build(RECIPE.network, DATA.shape, DATA.outputs).double()
        for p, drawn in zip(module.parameters(), DRAWN, strict=True):
            p.data = drawn[k].clone()
        optimiser = {
            "learned": lambda p: torch.optim.SGD(p, lr=1.0),
            "sgd": lambda p: torch.optim.SGD(p, lr=training.lr),
            "momentum": lambda p: torch.optim.SGD(p, lr=training.lr, momentum=0.9),
            "adam": lambda p: torch.optim.Adam(p, lr=training.lr),
        }[training.optimiser](module.parameters())
        for inputs, labels, rate in batches:
            if training.optimiser == "learned":
                optimiser.param_groups[0]["lr"] = rate.item()
            optimiser.zero_grad()
            F.cross_entropy(module(inputs), labels).backward()
            optimiser.step()
        networks.append([p.detach() for p in module.parameters()])
    return tuple(torch.stack(values) for values in zip(*networks, strict=True))


def same(these, those):
    return all(torch.equal(a, b) for a, b in zip(these, those, strict=True))


@pytest.mark.parametrize(
    "training",
    [
        Training(),
        Training(steps=2),
        Training(steps=8),
        Training(optimiser="sgd", lr=0.05),
        Training(optimiser="momentum", lr=0.02),
        Training(optimiser="adam", lr=0.01),
        Training(optimiser="adam", lr=0.01, steps=8),
    ],
    ids=str,
)
def test_stacked_networks_are_those_that_torch_trains_one_after_another(training):
    steps = training.steps or 6
    batches = [(SET.inputs[t % 3], SET.labels[t % 3], SET.rates[t % 6]) for t in range(steps)]
    for ours, theirs in zip(trained(training), one_by_one(training, batches), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "training",
    [
        Training(order="shuffled"),
        Training(optimiser="momentum", lr=0.05, order="shuffled", steps=7),
        Training(optimiser="adam", lr=0.01, batch=4, steps=7),
    ],
    ids=str,
)
def test_what_a_network_sees_does_not_depend_on_its_company(training):
    together, alone = trained(training), trained(training, SEEDS[1:2])
    assert same([p[1:2] for p in together], alone)
    assert same(trained(training), together)


def test_networks_are_left_as_they_were():
    before = [p.clone() for p in DRAWN]
    for training in (Training(), Training(optimiser="adam", lr=0.1), Training(optimiser="sgd", lr=0.1, batch=2)):
        assert not same(trained(training), before)
        assert same(DRAWN, before)


class Seen:
    """A stack that only remembers the batches which it is asked for: their number in the set, and their rate by the step."""

    def __init__(self):
        self.inputs, self.labels = [], []

    def keyed(self, seeds):
        return self

    def at(self, step):
        return self

    def gradient(self, params, inputs, labels, loss):
        self.inputs.append(inputs)
        self.labels.append(labels)
        return tuple(torch.ones_like(p) for p in params)


def seen(training, seed=5, distilled=SET):
    """Return the batches (inputs, labels) of each step, and how far each step went where every gradient is one."""
    stack, walked = Seen(), (torch.zeros(1, 1, dtype=torch.float64),)
    lengths = []
    for steps in range(1, (training.steps or 6) + 1):
        stack = Seen()
        (end,) = train_networks(stack, walked, distilled, dataclasses.replace(training, steps=steps), [seed])
        lengths.append(-end.item())
    rates = [b - a for a, b in zip([0.0, *lengths], lengths, strict=False)]
    return stack.inputs, stack.labels, rates


def numbers(inputs):
    return [next(s for s in range(3) if torch.equal(batch, SET.inputs[s])) for batch in inputs]


def test_shuffled_batches_are_all_there_in_every_pass_in_another_order_with_their_labels_and_rates():
    orders = []
    for seed in range(8):
        inputs, labels, rates = seen(Training(order="shuffled"), seed)
        order = numbers(inputs)
        assert sorted(order[:3]) == sorted(order[3:]) == [0, 1, 2]
        for t, s in enumerate(order):
            assert torch.equal(labels[t], SET.labels[s])
            assert rates[t] == pytest.approx(SET.rates[t // 3 * 3 + s].item())
        orders.append(tuple(order))
    assert len(set(orders)) > 4
    assert any(order[:3] != order[3:] for order in orders)


def test_the_given_order_is_that_of_the_set():
    inputs, _, rates = seen(Training(steps=8))
    assert numbers(inputs) == [0, 1, 2, 0, 1, 2, 0, 1]
    assert rates == pytest.approx([*SET.rates.tolist(), *SET.rates[:2].tolist()])


def test_drawn_batches_take_every_example_once_a_pass_with_its_label():
    inputs, labels, _ = seen(Training(optimiser="sgd", lr=0.1, batch=4, steps=6))
    assert [len(batch) for batch in inputs] == [4, 4, 1, 4, 4, 1]
    everything = list(zip(SET.inputs.flatten(0, 1), SET.labels.flatten(0, 1), strict=True))
    for first in (0, 3):
        drawn = zip(torch.cat(inputs[first : first + 3]), torch.cat(labels[first : first + 3]), strict=True)
        places = [
            next(i for i, (x, q) in enumerate(everything) if torch.equal(x, a) and torch.equal(q, b)) for a, b in drawn
        ]
        assert sorted(places) == list(range(9))
        assert places != sorted(places)
    assert not torch.equal(inputs[0], inputs[3])
    assert not torch.equal(inputs[0], seen(Training(optimiser="sgd", lr=0.1, batch=4), seed=6)[0][0])


def test_a_batch_of_all_examples_is_one_step_for_all_networks():
    whole = (SET.inputs.flatten(0, 1), SET.labels.flatten(0, 1), None)
    training = Training(optimiser="adam", lr=0.01, batch=9, steps=4)
    for ours, theirs in zip(trained(training), one_by_one(training, [whole] * 4), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


def test_a_set_without_rates_says_what_is_to_be_named():
    bare = dataclasses.replace(SET, rates=SET.rates[:0])
    for training, says in (
        (Training(), "no learned rates; name another optimiser"),
        (Training(optimiser="adam", lr=0.1), "steps: the set has no learned rates"),
        (Training(optimiser="adam", steps=3), "lr: adam has no rate of its own"),
    ):
        with pytest.raises(TrainingError, match=says):
            trained(training, distilled=bare)
    assert not same(trained(Training(optimiser="adam", lr=0.1, steps=3, batch=2), distilled=bare), DRAWN)

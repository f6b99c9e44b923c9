import dataclasses

import pytest
import torch
import torch.nn.functional as F

from distiller.baselines import baseline_examples, baseline_set
from distiller.distill import advance, distilled_of, draw_networks, stack_of, start
from distiller.evaluate import evaluate, evaluation_seeds
from distiller.networks import build
from distiller.recipe import Recipe
from tests.distiller.small_data import blobs

DATA = blobs()
RECIPE = Recipe(data="blobs", network="lenet", steps=2, epochs=2, inits_per_step=2, outer_steps=5, labels="soft")
SET = baseline_set(RECIPE, DATA, baseline_examples("random_real", RECIPE, DATA, draw=0), rate=0.05)


def by_hand(seed, examples):
    """Train one module with torch's own optimiser, and count."""
    stack = stack_of(RECIPE, DATA)
    module = build(RECIPE.network, DATA.shape, DATA.outputs)
    for p, drawn in zip(module.parameters(), draw_networks(RECIPE, stack, [seed], "cpu"), strict=True):
        p.data = drawn[0].clone()
    for inputs, labels, rate in SET.batches():
        optimiser = torch.optim.SGD(module.parameters(), lr=rate.item())
        optimiser.zero_grad()
        F.cross_entropy(module(inputs), labels).backward()
        optimiser.step()
    with torch.no_grad():
        logits = module(examples.inputs)
    return (logits.argmax(1) == examples.labels).double().mean().item(), F.cross_entropy(logits, examples.labels).item()


def test_networks_are_trained_as_torch_would():
    seeds = evaluation_seeds(RECIPE, "search", 3)
    for result, seed in zip(evaluate(RECIPE, DATA, SET, seeds, DATA.test), seeds, strict=True):
        accuracy, loss = by_hand(seed, DATA.test)
        assert result.seed == seed
        assert result.accuracy == pytest.approx(accuracy)
        assert result.loss == pytest.approx(loss, rel=1e-4)
        assert result.accuracy_before is None


def test_chunks_and_shards_change_no_network():
    seeds = evaluation_seeds(RECIPE, "search", 7)
    whole = evaluate(dataclasses.replace(RECIPE, chunk=7), DATA, SET, seeds, DATA.test)
    small = dataclasses.replace(RECIPE, chunk=2, real_chunk=5)
    parts = [*evaluate(small, DATA, SET, seeds[:3], DATA.test), *evaluate(small, DATA, SET, seeds[3:], DATA.test)]
    assert [part.seed for part in parts] == seeds
    assert [part.accuracy for part in parts] == [each.accuracy for each in whole]
    assert [part.loss for part in parts] == pytest.approx([each.loss for each in whole], rel=1e-4)


def test_before_is_the_untrained_network():
    still = dataclasses.replace(SET, rates=torch.zeros_like(SET.rates))
    for result in evaluate(RECIPE, DATA, still, evaluation_seeds(RECIPE, "search", 3), DATA.test, before=True):
        assert result.accuracy_before == result.accuracy
    trained = evaluate(RECIPE, DATA, SET, evaluation_seeds(RECIPE, "search", 3), DATA.test, before=True)
    assert [each.accuracy_before for each in trained] != [each.accuracy for each in trained]


def test_another_network_learns_from_the_same_set():
    own = dataclasses.replace(RECIPE, network="tests.distiller.test_evaluate:Linear")
    (result,) = evaluate(own, DATA, SET, [1], DATA.test)
    assert 0 <= result.accuracy <= 1


class Linear(torch.nn.Module):
    """A network of a user's own."""

    def __init__(self, shape, outputs):
        super().__init__()
        self.head = torch.nn.Linear(shape[0] * shape[1] * shape[2], outputs)

    def forward(self, x):
        return self.head(x.flatten(1))


def test_a_network_that_diverges_keeps_its_place():
    wild = dataclasses.replace(SET, rates=SET.rates * 1e30)
    results = evaluate(RECIPE, DATA, wild, [1, 2, 3], DATA.test)
    assert len(results) == 3
    assert not any(torch.tensor(each.loss).isfinite() for each in results)


def test_fixed_networks_are_those_of_the_distillation():
    fixed = dataclasses.replace(RECIPE, init="fixed")
    assert evaluation_seeds(fixed, "search", 50) == evaluation_seeds(fixed, "final", 1)
    assert len(evaluation_seeds(fixed, "search", 50)) == fixed.inits_per_step
    # The last training loss is the loss of these very networks on the set that was reached before it.
    state = advance(fixed, DATA, start(fixed, DATA), 4)
    results = evaluate(fixed, DATA, distilled_of(fixed, DATA, state), evaluation_seeds(fixed, "final", 1), DATA.train)
    loss = advance(fixed, DATA, state, 1).curve["loss"][-1].item()
    assert sum(each.loss for each in results) / len(results) == pytest.approx(loss, rel=1e-4)


def test_streams_of_random_networks_do_not_meet():
    search, final = evaluation_seeds(RECIPE, "search", 50), evaluation_seeds(RECIPE, "final", 50)
    assert len({*search, *final}) == 100
    # The same in every recipe of a sweep: trials are compared on the same networks.
    assert evaluation_seeds(dataclasses.replace(RECIPE, steps=9), "search", 50) == search

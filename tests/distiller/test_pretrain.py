import dataclasses

import pytest
import torch
import torch.nn.functional as F

from distiller.data import load
from distiller.drawing import draw_networks, network_seeds, pool_seeds, stack_of
from distiller.evaluate import evaluation_seeds
from distiller.networks import NetworkError, Stack, build
from distiller.pretrain import held_out, pretrain, train_on
from distiller.recipe import Decay, Pretrained, Recipe, RecipeError
from distiller.seeds import derive, permutation, seed_tensor
from distiller.unroll import score
from tests.distiller.small_data import blobs

HOW = Pretrained(data="digits", passes=3, lr=0.002, decay=Decay(every=2, factor=0.3), batch=25, pool=12)
RECIPE = Recipe(data="digits", network="lenet", inits_per_step=4, pretrained=HOW)


def plain_loop(parameters, names, examples, how, seed):
    """Train one module by torch alone, as anyone would write it."""
    module = build("lenet", (1, 28, 28), 3).double()
    module.load_state_dict(dict(zip(names, parameters, strict=True)))
    adam = torch.optim.Adam(module.parameters(), lr=how.lr, betas=(0.5, 0.999))
    decay = torch.optim.lr_scheduler.StepLR(adam, how.decay.every, how.decay.factor)
    for number in range(how.passes):
        for rows in permutation(derive(seed, "pretrain", number), len(examples)).split(how.batch):
            adam.zero_grad()
            F.cross_entropy(module(examples.inputs[rows]), examples.labels[rows]).backward()
            adam.step()
        decay.step()
    return [p.detach() for p in module.parameters()]


@pytest.mark.parametrize("backend", ["loop", "vmap", "batched"])
def test_stacked_networks_are_those_of_a_plain_loop(backend):
    data, seeds = blobs(dtype=torch.float64), [5, 6, 7]
    stack = Stack(build("lenet", data.shape, data.outputs), backend)
    drawn = stack.draw("xavier_normal", seed_tensor(seeds), torch.float64)
    trained = train_on(stack, drawn, data.train, data.classes, HOW, seeds, real_chunk=10)
    for k, seed in enumerate(seeds):
        expected = plain_loop([p[k] for p in drawn], stack.names, data.train, HOW, seed)
        for parameter, wanted in zip(trained, expected, strict=True):
            torch.testing.assert_close(parameter[k], wanted, rtol=1e-8, atol=1e-10)


def test_a_network_is_the_same_to_the_bit_alone_and_among_others():
    recipe, data = dataclasses.replace(RECIPE, network="lenet"), blobs()
    together, alone = pretrain(recipe, data, [1, 2, 3]), pretrain(recipe, data, [2])
    for several, one in zip(together, alone, strict=True):
        assert torch.equal(several[1], one[0])
        assert not torch.equal(several[0], several[1])


def test_real_digits_are_learned_and_validation_examples_are_held_out_of_the_same_data():
    recipe = dataclasses.replace(RECIPE, validation=300)
    assert held_out(recipe) == 300
    assert held_out(dataclasses.replace(recipe, data="mnist")) == 0
    data = load("digits", held_out(recipe))
    trained = pretrain(recipe, data, [1, 2])
    reached = score(stack_of(recipe, data), trained, data.test.inputs, data.test.labels, classes=10, real_chunk=128)
    assert reached.accuracy.min() > 0.85


def test_the_networks_of_a_step_are_drawn_from_the_pool_none_twice():
    pool, drawn = pool_seeds(RECIPE), [network_seeds(RECIPE, step) for step in range(50)]
    assert len(set(pool)) == 12
    assert all(len(set(seeds)) == 4 and set(seeds) <= set(pool) for seeds in drawn)
    assert set().union(*drawn) == set(pool)
    assert drawn[0] != drawn[1]
    assert network_seeds(RECIPE, 0) == drawn[0]
    other = dataclasses.replace(RECIPE, run=1)
    assert (pool_seeds(other), network_seeds(other, 0) != drawn[0]) == (pool, True)


def test_no_network_is_trained_on_and_tested():
    streams = ["search", "tune", "final", "final/2", "extra"]
    tested = [seed for stream in streams for seed in evaluation_seeds(RECIPE, stream, 200)]
    assert len(set(tested)) == 1000
    assert not set(tested) & set(pool_seeds(RECIPE))


def test_fixed_networks_are_trained_on_and_tested():
    recipe = dataclasses.replace(RECIPE, init="fixed", inits_per_step=2)
    assert pool_seeds(recipe) == network_seeds(recipe, 7) == evaluation_seeds(recipe, "final", 200)


def test_a_pre_trained_network_that_is_not_there_is_no_other_one():
    data = load("digits")
    stack = stack_of(RECIPE, data)
    untrained = dataclasses.replace(RECIPE, pretrained=None)
    networks = {seed: tuple(p[0] for p in draw_networks(untrained, stack, [seed], "cpu")) for seed in (1, 2)}
    drawn = draw_networks(RECIPE, stack, [2, 1], "cpu", networks)
    assert all(torch.equal(drawn[0][k], networks[seed][0]) for k, seed in enumerate([2, 1]))
    with pytest.raises(NetworkError, match="1 of 2 pre-trained networks are not there, such as 3"):
        draw_networks(RECIPE, stack, [1, 3], "cpu", networks)


def test_a_pool_holds_the_networks_of_a_step():
    with pytest.raises(RecipeError, match=r"pretrained\.pool: expected at least the 13"):
        dataclasses.replace(RECIPE, inits_per_step=13)
    dataclasses.replace(RECIPE, inits_per_step=13, init="fixed")

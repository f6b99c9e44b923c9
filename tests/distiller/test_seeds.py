import math

import pytest
import torch

from distiller.seeds import derive, normal, permutation, seed_tensor, uniform


def test_keys_name_streams():
    assert derive(1, "final", 3) == derive(1, "final", 3)
    keys = [(1,), ("1",), (1, "a"), ("a", 1), (1, "final", 3), (1, "final", 31), (1, "final/2", 3)]
    assert len({derive(*key) for key in keys}) == len(keys)


def test_words_are_splitmix64():
    # The published reference sequence of splitmix64 for seed 1234567: its first three outputs, shifted to 53 bits.
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    drawn = uniform(seed_tensor([1234567]), 3)[0]
    assert drawn.tolist() == [((word >> 11) + 0.5) * 2.0**-53 for word in expected]


def test_a_stack_of_seeds_draws_what_each_draws_alone():
    seeds = [derive(1, "init", i) for i in range(5)]
    stacked = normal(seed_tensor(seeds), 1001)
    for i, seed in enumerate(seeds):
        assert torch.equal(stacked[i].float(), normal(seed_tensor([seed]), 1001)[0].float())


def test_seeds_above_two_to_the_63_keep_their_bits():
    assert seed_tensor([2**64 - 1, 2**63, 5]).tolist() == [-1, -(2**63), 5]


@pytest.mark.parametrize("draw, mean, variance", [(normal, 0.0, 1.0), (uniform, 0.5, 1 / 12)])
def test_moments(draw, mean, variance):
    numbers = draw(seed_tensor([derive("moments", i) for i in range(20)]), 50_000)
    # A million draws: six standard errors of the mean and of the variance.
    assert abs(numbers.mean().item() - mean) < 6 * math.sqrt(variance / 1e6)
    assert abs(numbers.var().item() - variance) < 6 * variance * math.sqrt(2 / 1e6)
    # Streams of neighbouring keys are uncorrelated.
    assert torch.corrcoef(numbers).fill_diagonal_(0).abs().max() < 6 / math.sqrt(50_000)


def test_permutation_holds_every_index_once():
    order = permutation(derive(1, "real", 0), 1000)
    assert order.sort().values.tolist() == list(range(1000))
    assert not torch.equal(order, permutation(derive(1, "real", 1), 1000))

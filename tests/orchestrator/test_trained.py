import dataclasses

import pytest

from distiller.drawing import network_seeds, pool_seeds, worker_shares
from distiller.recipe import Pretrained, Recipe
from orchestrator.trained import of_segment

RECIPE = Recipe(
    data="digits", network="lenet", inits_per_step=8, chunk=2, outer_steps=10, pretrained=Pretrained(data="digits", pool=100)
)  # fmt: skip


def owned(recipe, outer_step, steps, workers):
    return [of_segment(recipe, outer_step, steps, share).seeds for share in worker_shares(recipe, workers)]


def test_each_worker_has_the_networks_of_its_share_alone():
    parts = owned(RECIPE, 3, 1, workers=4)
    assert [len(part) for part in parts] == [2, 2, 2, 2]
    assert sorted(seed for part in parts for seed in part) == sorted(network_seeds(RECIPE, 3))
    fixed = dataclasses.replace(RECIPE, init="fixed")
    assert [seed for part in owned(fixed, 0, 10, workers=2) for seed in part] == network_seeds(fixed, 0)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_draws_from_most_of_the_pool_has_all_of_it(workers):
    small = dataclasses.replace(RECIPE, pretrained=Pretrained(data="digits", pool=8))
    assert owned(small, 0, 10, workers) == [tuple(pool_seeds(small))] * workers


def test_networks_that_are_measured_on_the_way_are_there_in_every_worker():
    recipe = dataclasses.replace(RECIPE, init="fixed", checkpoint=1, validation=100)
    assert owned(recipe, 0, 1, workers=2) == [tuple(network_seeds(recipe, 0))] * 2


def test_nothing_is_there_of_networks_that_nobody_trained_before():
    assert owned(dataclasses.replace(RECIPE, pretrained=None), 0, 10, workers=2) == [(), ()]

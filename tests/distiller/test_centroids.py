import dataclasses

import pytest
import torch

from distiller.centroids import centroid_batches
from distiller.data import load
from distiller.distill import start
from distiller.real_sets import RealSetError
from distiller.recipe import Recipe

DIGITS = load("digits")
RECIPE = Recipe(data="digits", network="lenet", inputs="k_means", steps=2, per_class=2, classes=(7, 1))


def members(label, centroids):
    """The class's training examples, and which of ``centroids`` [k, ...] each is nearest to."""
    examples = DIGITS.train.inputs[DIGITS.train.labels == label].flatten(1).double()
    return examples, torch.cdist(examples, centroids.flatten(1).double()).argmin(1)


def test_each_is_the_mean_of_the_examples_nearest_to_it():
    inputs, labels = centroid_batches(RECIPE, DIGITS, "here")
    assert labels.tolist() == [[7, 1, 7, 1]] * 2
    for label in (7, 1):
        centroids = inputs[labels == label]
        examples, nearest = members(label, centroids)
        for k, centroid in enumerate(centroids):
            assert torch.allclose(examples[nearest == k].mean(0), centroid.flatten().double(), atol=1e-4)


def test_the_key_decides_and_nothing_else():
    first, again, other = (centroid_batches(RECIPE, DIGITS, key)[0] for key in ("a", "a", "b"))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_one_a_class_is_its_mean():
    recipe = dataclasses.replace(RECIPE, steps=1, per_class=1)
    inputs, _ = centroid_batches(recipe, DIGITS, "here")
    for label, centroid in zip((7, 1), inputs[0], strict=True):
        assert torch.allclose(members(label, centroid[None])[0].mean(0), centroid.flatten().double(), atol=1e-4)


def test_a_distillation_starts_at_them_and_each_run_at_its_own():
    started = start(RECIPE, DIGITS).learned
    assert torch.equal(started["inputs"], centroid_batches(RECIPE, DIGITS, "distil", 0, "inputs")[0])
    assert not torch.equal(started["inputs"], start(dataclasses.replace(RECIPE, run=1), DIGITS).learned["inputs"])
    assert torch.equal(started["labels"].argmax(-1), torch.tensor([[7, 1, 7, 1]] * 2))


def test_more_centroids_than_examples_are_refused():
    with pytest.raises(RealSetError, match="; 1000 are wanted: lower steps or per_class"):
        centroid_batches(dataclasses.replace(RECIPE, per_class=500), DIGITS, "here")

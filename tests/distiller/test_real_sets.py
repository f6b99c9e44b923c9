import dataclasses

import pytest
import torch

from distiller.data import Examples
from distiller.real_sets import RealSetError, real_batches
from distiller.recipe import Recipe
from tests.distiller.small_data import blobs


class Watched(torch.Tensor):
    """Inputs that count the examples that are moved to the CPU."""

    moved = 0

    def cpu(self):
        Watched.moved += self.shape[:-3].numel()
        return super().cpu()


def recipe(**changes):
    return Recipe.parse({"data": "blobs", "network": "lenet", "steps": 2, "per_class": 3} | changes)


def test_only_the_examples_that_are_drawn_leave_the_device():
    data = blobs()
    inputs, labels = real_batches(recipe(), data, "draw")
    watched = Examples(data.train.inputs.as_subclass(Watched), data.train.labels)
    again, _ = real_batches(recipe(), dataclasses.replace(data, train=watched), "draw")
    assert inputs.shape == (2, 9, 1, 28, 28)
    assert torch.equal(again.as_subclass(torch.Tensor), inputs)
    assert Watched.moved == labels.numel()


def test_every_example_is_a_real_one_of_its_class_and_none_comes_twice():
    data = blobs()
    inputs, labels = real_batches(recipe(), data, "draw")
    assert labels.tolist() == [[0, 1, 2] * 3] * 2
    same = (inputs.flatten(0, 1).flatten(1)[:, None] == data.train.inputs.flatten(1)).all(-1)
    assert same.sum(1).tolist() == [1] * 18
    assert same.sum(0).max() == 1
    assert torch.equal(data.train.labels[same.int().argmax(1)], labels.flatten())


def test_too_many_of_a_class_are_refused_in_one_line():
    with pytest.raises(RealSetError, match="has 20 training examples; 22 are wanted: lower steps or per_class"):
        real_batches(recipe(per_class=11), blobs(), "draw")

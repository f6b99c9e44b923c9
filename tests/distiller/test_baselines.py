import dataclasses

import pytest
import torch

from distiller.baselines import random_real
from distiller.recipe import Recipe
from tests.distiller.small_data import blobs

DATA = blobs(classes=3)
RECIPE = Recipe(data="blobs", network="lenet", steps=2, epochs=3, per_class=2)


def test_examples_are_real_and_their_labels_their_own():
    real = random_real(RECIPE, DATA, draw=0, rate=0.1)
    assert real.inputs.shape == (2, 6, 1, 28, 28)
    assert real.labels.shape == (2, 6, 3)
    for image, label in zip(real.inputs.flatten(0, 1), real.labels.flatten(0, 1), strict=True):
        (row,) = [i for i in range(len(DATA.train)) if torch.equal(DATA.train.inputs[i], image)]
        assert label.tolist() == [float(k == DATA.train.labels[row]) for k in range(3)]
    # The recipe's own order: classes run through each batch.
    assert real.labels.argmax(-1).tolist() == [[0, 1, 2, 0, 1, 2]] * 2


def test_no_example_is_taken_twice_and_draws_differ():
    first, second = (random_real(RECIPE, DATA, draw, 0.1) for draw in (0, 1))
    assert len({image.numpy().tobytes() for image in first.inputs.flatten(0, 1)}) == len(first)
    assert not torch.equal(first.inputs, second.inputs)
    assert torch.equal(first.inputs, random_real(RECIPE, DATA, 0, 0.3).inputs)


def test_the_rate_is_constant_over_as_many_steps_as_the_recipe_has():
    assert torch.equal(random_real(RECIPE, DATA, 0, 0.25).rates, torch.full((6,), 0.25))


def test_fewer_classes_and_too_few_examples():
    some = dataclasses.replace(RECIPE, classes=(2, 0))
    assert random_real(some, DATA, 0, 0.1).labels.argmax(-1).tolist() == [[2, 0, 2, 0]] * 2
    with pytest.raises(ValueError, match="class 0 has 20 training examples; 40 are wanted"):
        random_real(dataclasses.replace(RECIPE, steps=20), DATA, 0, 0.1)

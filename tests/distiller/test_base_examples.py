import dataclasses

import numpy as np
import pytest
import torch

from distiller.base_examples import base_inputs, check_base
from distiller.data import DataError, load
from distiller.real_sets import RealSetError
from distiller.recipe import Base, Recipe
from tests.distiller.small_data import blobs

RECIPE = Recipe(data="digits", network="lenet", method="labels", per_class=3, validation=300)


def from_(data, examples=20, **changes):
    return dataclasses.replace(RECIPE, per_class=1, base=Base(data=str(data), examples=examples), **changes)


def rows_of(inputs, among):
    """The rows of ``among`` that hold each of ``inputs``; -1 where none does."""
    same = (inputs.flatten(1)[:, None] == among.flatten(1)[None]).all(-1)
    return [int(row.nonzero()[0, 0]) if row.any() else -1 for row in same]


@pytest.fixture
def colours(tmp_path):
    """A source in colour, of another size: each channel of a picture is one flat shade of its own."""
    generator = np.random.default_rng(0)
    shades = generator.integers(0, 256, (40, 1, 1, 3), dtype=np.uint8)
    path = tmp_path / "colours.npz"
    labels = np.arange(40) % 4
    inputs = np.broadcast_to(shades, (40, 10, 12, 3))
    np.savez(path, train_inputs=inputs, train_labels=labels, test_inputs=inputs, test_labels=labels)
    return path, shades[:, 0, 0].astype(np.float64) / 255


def test_they_are_training_examples_as_many_of_each_class():
    dataset = load("digits", 300)
    rows = rows_of(base_inputs(RECIPE, dataset), dataset.train.inputs)
    assert len(set(rows)) == 30
    assert -1 not in rows
    assert dataset.train.labels[rows].tolist() == list(range(10)) * 3


def test_a_run_has_base_examples_of_its_own():
    dataset = load("digits", 300)
    first, second = base_inputs(RECIPE, dataset), base_inputs(dataclasses.replace(RECIPE, run=1), dataset)
    assert torch.equal(first, base_inputs(RECIPE, dataset))
    assert not torch.equal(first, second)


def test_the_recipes_own_data_as_a_source_are_what_validation_leaves():
    dataset = load("digits", 300, 100)
    rows = rows_of(base_inputs(from_("digits", 100), dataset), dataset.train.inputs)
    assert sorted(rows) == list(range(100))


def test_the_recipes_own_data_are_counted_without_loading_them():
    left = len(load("digits", 300).train)
    check_base(from_("digits", left), (1, 28, 28))
    for recipe in (from_("digits", left + 1), from_("digits", 101, real_examples=100)):
        with pytest.raises(RealSetError, match=r"^base.examples: \d+ of digits, which has \d+ training examples$"):
            check_base(recipe, (1, 28, 28))


def test_noise_is_drawn_in_the_space_of_normalised_inputs():
    inputs = base_inputs(from_("noise", 50), load("digits"))
    assert inputs.shape == (50, 1, 28, 28)
    assert abs(inputs.mean()) < 0.05
    assert abs(inputs.std() - 1) < 0.05


def test_colour_becomes_grey_of_the_targets_size_and_normalisation(colours):
    path, shades = colours
    digits = load("digits")
    inputs = base_inputs(from_(path, 40), digits)
    assert inputs.shape == (40, 1, 28, 28)
    grey = inputs * digits.std[0] + digits.mean[0]
    luma = sorted(shades @ np.array([0.299, 0.587, 0.114]))
    assert np.allclose(sorted(grey[:, 0, 0, 0].tolist()), luma, atol=1e-5)
    assert torch.allclose(grey, grey[:, :, :1, :1].expand_as(grey), atol=1e-5)


def test_grey_is_repeated_in_every_channel():
    target = dataclasses.replace(blobs(shape=(3, 32, 32)), mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0))
    recipe = dataclasses.replace(from_("digits", 5), data="blobs")
    pixels = base_inputs(recipe, target) * torch.tensor(target.std)[:, None, None]
    pixels += torch.tensor(target.mean)[:, None, None]
    assert pixels.shape == (5, 3, 32, 32)
    assert torch.allclose(pixels[:, 1:], pixels[:, :1].expand(-1, 2, -1, -1), atol=1e-6)
    assert (pixels.amin() > -1e-5, pixels.amax() < 1 + 1e-5, pixels.std() > 0.2) == (True, True, True)


def test_a_source_that_cannot_be_is_refused_before_it_is_read(colours, tmp_path):
    check_base(from_(colours[0]), (1, 28, 28))
    with pytest.raises(RealSetError, match=r"^base.examples: 41 of .*colours.npz, which has 40 training examples$"):
        check_base(from_(colours[0], 41), (1, 28, 28))
    with pytest.raises(
        RealSetError, match=r"^base.data: digits holds no grey or colour pictures but examples of shape"
    ):
        check_base(from_(colours[0]), (2, 28, 28))
    with pytest.raises(DataError, match="absent"):
        check_base(from_(tmp_path / "absent.npz"), (1, 28, 28))

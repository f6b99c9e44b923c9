import dataclasses

import numpy as np
import pytest
import torch

from distiller.distilled import Distilled
from distiller.pictures import are_images, leading_class, leading_labels, picture, pixels, sheet, step_title

# Two steps of three examples; in pixels they are 0, 0.5 and 1, whatever the normalisation.
VALUES = torch.tensor([[0.0, 0.5, 1.0], [1.0, 0.0, 0.5]])


def distilled(channels=1, labels=None, classes=3, size=(4, 6)):
    mean, std = torch.linspace(0.2, 0.4, channels), torch.linspace(0.5, 0.3, channels)
    spread = VALUES[..., None, None, None].expand(2, 3, channels, *size)
    inputs = (spread - mean[:, None, None]) / std[:, None, None]
    labels = torch.eye(3).repeat(2, 1, 1) if labels is None else labels
    about = {"epochs": 2, "classes": classes, "data": "digits", "network": "lenet"}
    return Distilled(
        inputs, labels, torch.tensor([0.01, 0.02, 0.03, 0.0401]), **about, mean=mean.tolist(), std=std.tolist()
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_the_inputs_out_of_their_normalised_space(channels):
    shown = pixels(distilled(channels))
    assert shown.shape == (2, 3, 4, 6, channels)
    assert shown.dtype == np.uint8
    assert [[int(image[0, 0, 0]) for image in step] for step in shown] == [[0, 128, 255], [255, 0, 128]]
    assert all(image.min() == image.max() for step in shown for image in step)


def test_what_no_picture_can_show_is_cut():
    wild = dataclasses.replace(distilled(), inputs=torch.full((1, 1, 1, 2, 2), 40.0))
    wild.inputs[..., 0, :] = torch.tensor([-40.0, torch.nan])
    assert pixels(wild).ravel().tolist() == [0, 0, 255, 255]


@pytest.mark.parametrize("shape", [(2, 3, 2, 4, 4), (2, 3, 30, 50), (2, 3, 8)])
def test_other_inputs_are_no_pictures(shape):
    other = dataclasses.replace(distilled(), inputs=torch.zeros(shape))
    assert not are_images(other)
    with pytest.raises(ValueError, match="no pictures"):
        pixels(other)


def test_leading_labels():
    assert leading_labels([0.1, 1.2, -3.0, 0.4]) == [(1, 1.2), (3, 0.4), (0, 0.1)]
    assert leading_labels([0.0, 0.0, 1.0]) == [(2, 1.0)]  # hard: the others say nothing
    assert leading_labels([0.7]) == [(1, 0.7)]
    assert [leading_class(label) for label in ([0.1, 1.2], [1.2, 0.1], [0.7], [0.3])] == [1, 0, 1, 0]


def test_a_title_has_the_rates_of_its_step_in_every_pass():
    assert step_title(distilled(), 0) == "Step 0, rates 0.0100, 0.0300"
    assert step_title(distilled(), 1) == "Step 1, rates 0.0200, 0.0401"
    many = dataclasses.replace(distilled(), rates=torch.arange(1, 41) / 100, epochs=20)
    assert step_title(many, 1) == "Step 1, rates 0.0200, 0.0400, 0.0600, 0.0800, 0.100, ..., 0.400"
    assert step_title(dataclasses.replace(distilled(), rates=torch.zeros(0)), 0) == "Step 0"


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sheet_shows_every_example_in_its_own_pixels(channels):
    drawn = np.asarray(sheet(distilled(channels), 0))
    # Rows of one colour across an image: black, grey and white cells from left to right.
    scale = 20
    line = drawn[18 + 20 + 10 + scale, :, :]
    assert [line[18 + k * (6 * scale + 14) + 3].tolist() for k in range(3)] == [[0] * 3, [128] * 3, [255] * 3]
    assert (drawn[:18] == 255).mean() > 0.5


def test_a_sheet_is_as_large_as_its_examples_and_labels_need():
    def size(count, labels):
        inputs = torch.zeros(1, count, 1, 4, 6)
        return sheet(dataclasses.replace(distilled(), inputs=inputs, labels=labels, classes=10), 0).size

    hard, soft = torch.eye(10)[None], torch.rand(1, 10, 10)
    assert size(10, soft)[1] > size(10, hard)[1]  # three labels below each other
    assert size(30, hard.repeat(1, 3, 1))[0] == size(10, hard)[0]  # a column is a class
    assert size(30, hard.repeat(1, 3, 1))[1] > 2 * size(10, hard)[1]


def test_a_picture_holds_the_pixels():
    for channels in (1, 3):
        image = pixels(distilled(channels))[0, 1]
        assert np.array_equal(np.asarray(picture(image)).reshape(image.shape), image)

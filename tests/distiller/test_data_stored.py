import numpy as np
import pytest
import torch

from distiller.data.stored import Stored, is_channels_last


@pytest.mark.parametrize(
    "shape, dtype, last",
    [
        ((5, 32, 32, 3), "uint8", True),
        ((5, 28, 28, 1), "uint8", True),
        ((5, 3, 32, 32), "uint8", False),
        ((5, 28, 28), "uint8", False),
        ((5, 28, 3), "uint8", False),
        ((5, 4, 10, 3), "float32", False),
    ],
)
def test_only_bytes_with_one_or_three_at_the_end_are_channels_last(shape, dtype, last):
    assert is_channels_last(shape, np.dtype(dtype)) is last


def test_every_layout_gives_the_same_examples():
    first = np.random.default_rng(0).integers(0, 256, (7, 3, 5, 6), dtype=np.uint8)
    labels = [1, 2, 3, 1, 2, 3, 1]
    stored = [Stored.of(inputs, labels, first_label=1) for inputs in (first, first.transpose(0, 2, 3, 1))]
    for one in stored:
        assert torch.equal(one.inputs, torch.from_numpy(first))
        assert one.labels.tolist() == [0, 1, 2, 0, 1, 2, 0]
    grey = Stored.of(first[:, 0], labels)
    assert torch.equal(grey.inputs, torch.from_numpy(first[:, :1].copy()))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_own_statistics_normalise_to_mean_zero_and_deviation_one(dtype):
    rng = np.random.default_rng(1)
    inputs = rng.integers(0, 256, (50, 2, 8, 8)) * np.array([1.0, 0.2])[:, None, None]
    stored = Stored.of(inputs.astype(dtype), np.zeros(50, np.int64))
    before = stored.inputs.clone()
    normalised = stored.normalised(*stored.statistics()).inputs
    assert normalised.dtype == torch.float32
    assert normalised.mean(dim=(0, 2, 3)).abs().max() < 1e-5
    assert (normalised.std(dim=(0, 2, 3), correction=0) - 1).abs().max() < 1e-5
    assert torch.equal(stored.inputs, before)


def test_bytes_count_as_zero_to_one_and_floats_as_they_are():
    inputs = np.full((2, 1, 2, 2), 51, np.uint8)
    labels = [0, 1]
    assert Stored.of(inputs, labels).statistics()[0] == (0.2,)
    assert Stored.of(inputs.astype(np.float32), labels).statistics()[0] == (51.0,)
    assert torch.equal(Stored.of(inputs, labels).normalised((0.0,), (1.0,)).inputs, torch.full((2, 1, 2, 2), 51 / 255))


@pytest.mark.parametrize("value, dtype", [(7, "uint8"), (0.1, "float32")])
def test_a_channel_that_never_varies_stays_finite(value, dtype):
    stored = Stored.of(np.full((30, 1, 5, 7), value, dtype), [0, 1, 0] * 10)
    mean, std = stored.statistics()
    assert std == (1.0,)
    assert stored.normalised(mean, std).inputs.abs().max() < 1e-6


def test_resizing_keeps_a_constant_and_the_middle():
    ramp = np.tile(np.arange(8, dtype=np.float32), (1, 1, 8, 1))
    resized = Stored.of(ramp, [0]).resized(28, 28).inputs
    assert resized.shape == (1, 1, 28, 28)
    assert resized.mean().item() == pytest.approx(3.5)
    # Corners are not aligned: pixel i of 28 looks at (i + 1/2) * 8 / 28 - 1/2 of the eight.
    assert resized[0, 0, 0, 10].item() == pytest.approx(10.5 * 8 / 28 - 0.5, rel=1e-6)

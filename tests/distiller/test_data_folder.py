"""Folders of images, written small, in the layout of torchvision's ImageFolder."""

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from distiller.data import DataError, describe, load, locate

NAMES = ("finch", "gull", "wren")


def write(path, pixels, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(path)


def pictures(count, size=(12, 10), channels=3, seed=0):
    shape = (count, *size) if channels == 1 else (count, *size, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def birds(tmp_path):
    """Train 4 and test 2 of three classes, colour 12 x 10."""
    for part, count in (("train", 4), ("test", 2)):
        for number, name in enumerate(NAMES):
            for index, pixels in enumerate(pictures(count, seed=10 * number + count)):
                write(tmp_path / "birds" / part / name / f"{index}.png", pixels)
    return tmp_path / "birds"


def test_a_folder_is_read_as_torchvision_reads_it(birds):
    found = load(str(birds))
    assert (found.classes, found.shape, len(found.train), len(found.test)) == (3, (3, 12, 10), 12, 6)
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (found.mean, found.std))
    for part, examples in (("train", found.train), ("test", found.test)):
        theirs = torchvision.datasets.ImageFolder(birds / part, torchvision.transforms.ToTensor())
        inputs = torch.stack([image for image, _ in theirs])
        assert examples.labels.tolist() == [label for _, label in theirs]
        assert torch.allclose(examples.inputs * std + mean, inputs, atol=1e-6)


def test_what_other_programs_leave_beside_images_is_no_image(birds):
    for name in (".DS_Store", "._0.png", "notes.txt", ".cache/0.png"):
        path = birds / "train" / "wren" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"no image")
    (birds / "train" / ".cache").mkdir()
    found = describe(str(birds))
    assert (found.classes, found.train) == (3, 12)


def test_statistics_are_those_of_the_training_part(birds):
    found = load(str(birds)).train.inputs
    assert torch.allclose(found.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(found.std((0, 2, 3), correction=0), torch.ones(3), atol=1e-5)


def test_a_folder_is_described_from_its_headers(birds):
    found = describe(str(birds))
    assert (found.classes, found.shape, found.train, found.test) == (3, (3, 12, 10), 12, 6)
    assert describe(f"{birds}@8").shape == (3, 8, 8)
    assert locate(f"{birds}@8") == birds


@pytest.mark.parametrize("mode, channels", [("L", 1), ("1", 1), ("LA", 1), ("P", 3), ("RGBA", 3), ("CMYK", 3)])
def test_grey_images_have_one_channel_and_others_three(tmp_path, mode, channels):
    suffix = "tif" if mode == "CMYK" else "png"
    for name in NAMES:
        write(tmp_path / name / f"a.{suffix}", pictures(1)[0], mode)
        write(tmp_path / name / "b.png", pictures(1)[0], "L")
    assert load(str(tmp_path)).shape == (channels, 12, 10)


def test_sizes_that_differ_want_one_named(birds):
    write(birds / "train" / "wren" / "tall.png", pictures(1, (20, 10))[0])
    with pytest.raises(
        DataError, match=r"differ in size: 0\.png is 12 x 10 and tall\.png is 20 x 10; .*data: .*birds@32$"
    ):
        describe(str(birds))
    found = load(f"{birds}@6x5")
    assert found.shape == (3, 6, 5)
    assert found.name == f"{birds}@6x5"


def test_a_resize_averages_what_a_pixel_covers(tmp_path):
    stripes = np.zeros((8, 8), dtype=np.uint8)
    stripes[::2] = 200
    for name in NAMES[:2]:
        for index in range(5):
            write(tmp_path / name / f"{index}.png", stripes)
    found = load(f"{tmp_path}/@2")
    assert (found.train.inputs * found.std[0] + found.mean[0]).mean().item() == pytest.approx(100 / 255, abs=0.03)


@pytest.mark.parametrize("top", ["", "train"])
def test_without_a_test_folder_a_fifth_of_each_class_is_cut(tmp_path, top):
    for number, name in enumerate(NAMES):
        for index, pixels in enumerate(pictures(10 * (number + 1), channels=1, seed=number)):
            write(tmp_path / top / name / f"{index:02}.png", pixels)
    first, second = load(str(tmp_path)), load(str(tmp_path))
    assert first.test.labels.bincount().tolist() == [2, 4, 6]
    assert first.train.labels.bincount().tolist() == [8, 16, 24]
    assert torch.equal(first.test.inputs, second.test.inputs)
    rows = {row.numpy().tobytes() for row in first.train.inputs} & {row.numpy().tobytes() for row in first.test.inputs}
    assert not rows


def take_away(folder):
    for path in folder.rglob("*.png"):
        path.unlink()


@pytest.mark.parametrize(
    "spoil, says",
    [
        (lambda birds: take_away(birds / "test"), "test: holds no image; put some there, or take the folder away"),
        (lambda birds: take_away(birds / "train" / "gull"), "gull: holds no image; put some there, or take the folder"),
        (
            lambda birds: write(birds / "test" / "yaffle" / "a.png", pictures(1)[0]),
            "test: has the class yaffle, which train/ has not; expected finch, gull, wren",
        ),
        (
            lambda birds: write(birds / "train" / "wren" / "deep.png", np.zeros((12, 10), dtype=np.uint16)),
            "deep.png: its pixels are of mode I;16; save it with 8 bits a channel, grey or RGB",
        ),
        (
            lambda birds: (birds / "train" / "wren" / "0.png").write_bytes(b"no image"),
            "0.png: cannot be read as an image (cannot identify image file",
        ),
    ],
)
def test_what_is_wrong_is_one_line_with_the_cure(birds, spoil, says):
    spoil(birds)
    for read in (describe, load):
        with pytest.raises(DataError) as caught:
            read(str(birds))
        assert says in str(caught.value)
        assert "\n" not in str(caught.value)


def test_an_image_that_breaks_off_is_named(birds):
    path = birds / "train" / "gull" / "2.png"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"gull/2\.png: cannot be read as an image"):
        load(str(birds))


@pytest.mark.parametrize("folders", [[], ["one"]])
def test_fewer_than_two_classes_are_refused(tmp_path, folders):
    for name in folders:
        write(tmp_path / name / "a.png", pictures(1)[0])
    with pytest.raises(DataError, match="expected train/CLASS/"):
        load(f"{tmp_path}/")


def test_too_few_to_cut_a_test_from_are_refused(tmp_path):
    for name in NAMES:
        write(tmp_path / name / "a.png", pictures(1)[0])
    with pytest.raises(DataError, match="has no test/, and 3 images are too few"):
        load(str(tmp_path))


def test_a_size_goes_with_a_folder_alone(tmp_path):
    (tmp_path / "own.npz").touch()
    with pytest.raises(DataError, match=r"own\.npz is no folder of images"):
        load(f"{tmp_path}/own.npz@32")
    with pytest.raises(DataError, match="no file or folder"):
        load(f"{tmp_path}/nothing@32")

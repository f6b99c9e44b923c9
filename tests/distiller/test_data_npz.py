import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from distiller.data import DataError, Description, describe, load

RNG = np.random.default_rng(0)


def arrays(**changed):
    given = {
        "train_inputs": RNG.integers(0, 256, (30, 12, 10, 3), dtype=np.uint8),
        "train_labels": np.arange(30) % 3,
        "test_inputs": RNG.integers(0, 256, (6, 12, 10, 3), dtype=np.uint8),
        "test_labels": np.arange(6) % 3,
    }
    return {name: value for name, value in (given | changed).items() if value is not None}


def saved(tmp_path, **changed):
    path = tmp_path / "mine.npz"
    np.savez(path, **arrays(**changed))
    return str(path)


def test_own_images_are_loaded_normalised_and_cut(tmp_path):
    given = arrays()
    path = tmp_path / "mine.npz"
    np.savez_compressed(path, **given)
    data = load(str(path), validation=6)
    assert (data.name, data.classes, data.outputs, data.shape) == (str(path), 3, 3, (3, 12, 10))
    assert (len(data.train), len(data.validation), len(data.test)) == (24, 6, 6)
    assert data.validation.labels.bincount().tolist() == [2, 2, 2]
    unit = torch.from_numpy(given["train_inputs"]).permute(0, 3, 1, 2) / 255
    # The statistics are those of the whole training part, so that they do not depend on the cut.
    assert data.mean == pytest.approx(unit.mean(dim=(0, 2, 3)).tolist(), rel=1e-5)
    assert data.std == pytest.approx(unit.std(dim=(0, 2, 3), correction=0).tolist(), rel=1e-5)
    expected = (unit - torch.tensor(data.mean)[:, None, None]) / torch.tensor(data.std)[:, None, None]
    whole = load(str(path)).train.inputs
    torch.testing.assert_close(whole, expected)
    assert whole.sum(dim=(1, 2, 3)).sort().values.tolist() == pytest.approx(
        torch.cat([data.train.inputs, data.validation.inputs]).sum(dim=(1, 2, 3)).sort().values.tolist()
    )


@pytest.mark.parametrize(
    "shape, dtype, example",
    [
        ((8, 5), "uint8", (1, 8, 5)),
        ((8, 5), "float64", (1, 8, 5)),
        ((3, 8, 5), "uint8", (3, 8, 5)),
        ((8, 5, 1), "uint8", (1, 8, 5)),
        ((2, 8, 5), "float16", (2, 8, 5)),
        ((1, 8, 3), "float32", (1, 8, 3)),
        ((8, 5, 3), ">u1", (3, 8, 5)),
        ((4, 8, 5), ">f4", (4, 8, 5)),
    ],
)
def test_layouts_and_kinds(tmp_path, shape, dtype, example):
    inputs = {
        f"{part}_inputs": RNG.integers(0, 9, (n, *shape)).astype(dtype) for part, n in (("train", 30), ("test", 6))
    }
    path = saved(tmp_path, **inputs)
    data = load(path)
    assert data.shape == tuple(data.train.inputs.shape[1:]) == tuple(data.test.inputs.shape[1:]) == example
    assert describe(path) == Description(classes=3, shape=example, train=30, test=6)
    assert data.train.inputs.dtype == torch.float32


def test_labels_may_be_floats_that_are_whole(tmp_path):
    path = saved(tmp_path, train_labels=np.arange(30) % 2.0, test_labels=np.zeros(6, np.uint8))
    data = load(path)
    assert (data.classes, data.outputs, describe(path).outputs) == (2, 1, 1)
    assert data.train.labels.dtype == torch.int64


def test_describing_reads_no_inputs(tmp_path):
    # Inputs that would be refused if they were read; loading does.
    path = saved(tmp_path, train_inputs=np.full((30, 4, 4), np.nan), test_inputs=np.zeros((6, 4, 4)))
    assert describe(path).shape == (1, 4, 4)
    with pytest.raises(DataError, match="train_inputs is not finite in 30 examples, the first at row 0"):
        load(path)


infinite = np.zeros((6, 12, 10, 3))[:, :, :, 0].copy()
infinite[4, 0, 0] = 1e300  # more than float32 holds


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"test_labels": None, "train_inputs": None}, "lacks train_inputs, test_labels; it has"),
        ({"train_labels": np.arange(29) % 3}, "train_labels has 29 labels for 30 inputs"),
        ({"test_labels": np.zeros((6, 1), int)}, r"test_labels has the shape \[6, 1\]; expected \[N\]"),
        ({"train_labels": np.arange(30) % 3 + 1}, "train_labels has no 0 but has 1"),
        ({"train_labels": np.arange(30) % 3 * 2}, "train_labels has no 1 but has 2"),
        ({"train_labels": np.arange(30) % 3 - 1}, "train_labels holds -1; expected whole numbers"),
        ({"train_labels": np.arange(30) % 3 * 0.5}, "train_labels holds 0.5; expected whole numbers"),
        ({"train_labels": np.full(30, np.nan)}, "train_labels holds nan; expected whole numbers"),
        ({"train_labels": np.full(30, np.inf)}, "train_labels holds inf; expected whole numbers"),
        ({"train_labels": np.array(["a"] * 30)}, "train_labels holds <U1; expected whole numbers"),
        ({"train_labels": np.zeros(30, int)}, "one class alone"),
        ({"test_labels": np.full(6, 3)}, "test_labels holds 3, which train_labels does not; expected 0 to 2"),
        ({"train_inputs": np.zeros((30, 7), np.uint8)}, r"train_inputs has the shape \[30, 7\]; expected \[N, H, W\]"),
        ({"test_inputs": np.zeros((0, 4, 4), np.uint8), "test_labels": np.zeros(0, int)}, "nowhere 0"),
        ({"train_inputs": np.zeros((30, 4, 4), np.int32)}, "train_inputs holds int32; expected uint8 or floating"),
        ({"train_inputs": np.zeros((30, 4, 4), object)}, "train_inputs holds object; expected uint8 or floating"),
        ({"train_inputs": np.zeros((30, 12, 10, 3))}, r"channels last: store it as \[N, C, H, W\], or as uint8"),
        ({"train_inputs": np.zeros((30, 3, 12, 10))}, "expected examples of one kind"),
        ({"test_inputs": np.zeros((6, 12, 11, 3), np.uint8)}, "expected examples of one kind"),
        (
            {"train_inputs": np.zeros((30, 12, 10)), "test_inputs": infinite},
            "test_inputs is not finite in 1 examples, the first at row 4",
        ),
    ],
)
def test_what_is_wrong_is_named_in_one_line(tmp_path, changed, message):
    path = saved(tmp_path, **changed)
    with pytest.raises(DataError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(path)


def test_no_file_and_files_that_are_not_npz(tmp_path):
    np.save(tmp_path / "array.npy", np.zeros(3))
    (tmp_path / "empty.npz").touch()
    whole = Path(saved(tmp_path)).read_bytes()
    (tmp_path / "short.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"no file or folder .*missing\.npz"):
        load(str(tmp_path / "missing.npz"))
    for name in ("array.npy", "empty.npz", "short.npz"):
        for read in (load, describe):
            with pytest.raises(DataError, match=f"{name} is not an NPZ file: write one with numpy.savez"):
                read(str(tmp_path / name))


def test_a_damaged_array_is_one_line(tmp_path):
    path = Path(saved(tmp_path))
    whole = bytearray(path.read_bytes())
    whole[5000] ^= 0xFF  # within the pixels of train_inputs: the checksum of its member no longer fits
    path.write_bytes(whole)
    with pytest.raises(DataError, match=r"mine\.npz is damaged: .*write it again") as caught:
        load(str(path))
    assert "\n" not in str(caught.value)


def test_an_archive_of_other_things_is_one_line(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.npz", "w") as archive:
        archive.writestr("notes.txt", "hello")
    with pytest.raises(DataError, match=r"lacks train_inputs, .*, test_labels; it has notes\.txt"):
        load(str(tmp_path / "other.npz"))
    with zipfile.ZipFile(tmp_path / "bare.npz", "w") as archive:
        for name in arrays():
            archive.writestr(name, "no array")
    with pytest.raises(DataError, match=r"bare\.npz is damaged"):
        load(str(tmp_path / "bare.npz"))


def test_objects_are_never_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    path = saved(tmp_path, train_labels=np.array([Trap()] * 30, dtype=object))
    for read in (load, describe):
        with pytest.raises(DataError, match="train_labels holds object"):
            read(path)

"""A user's own data: an NPZ file with the arrays train_inputs, train_labels, test_inputs and test_labels.

Inputs are images: [N, H, W], [N, C, H, W] or, as uint8 with one or three channels, [N, H, W, C]. So uint8 [N, H, W, 1 or 3] is
read with its channels last and everything else with its channels first; a float array that looks like channels last is
refused rather than misread. uint8 counts as 0..1; floats are taken as they are. Labels are whole numbers 0..C-1.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.lib.npyio import NpzFile

from distiller.data.dataset import DataError, Description
from distiller.data.stored import Stored, is_channels_last

__all__ = ["describe_npz", "read_npz"]

_NAMES = ("train_inputs", "train_labels", "test_inputs", "test_labels")


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def example(self) -> tuple[int, ...]:
        """Return the shape of one example, channels first."""
        if is_channels_last(self.shape, self.dtype):
            return (self.shape[3], *self.shape[1:3])
        return (1, *self.shape[1:]) if len(self.shape) == 3 else self.shape[1:]


def describe_npz(path: Path) -> Description:
    """Describe the data from the headers of its inputs and from its labels alone; raises `DataError` for what is wrong."""
    with _opened(path) as archive:
        return _described(archive)


def read_npz(path: Path) -> tuple[Description, Stored, Stored]:
    """Return the description, the training and the test examples; raises `DataError` for what is wrong."""
    with _opened(path) as archive:
        description = _described(archive)
        train, test = (
            Stored.of(_inputs(archive, f"{part}_inputs"), archive[f"{part}_labels"]) for part in ("train", "test")
        )
        return description, train, test


@contextmanager
def _opened(path: Path) -> Iterator[NpzFile]:
    """Open the file, and put its path before every complaint about it."""
    if not path.exists():
        raise DataError(f"no file {path}: give the path of an .npz file with the arrays {', '.join(_NAMES)}")
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path} is not an NPZ file: write one with numpy.savez, with the arrays {', '.join(_NAMES)}")
    try:
        with np.load(path, allow_pickle=False) as archive:
            yield archive
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    except (OSError, ValueError, EOFError, LookupError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged: {' '.join(str(error).split())}; write it again") from error


def _described(archive: NpzFile) -> Description:
    missing = [name for name in _NAMES if name not in archive.files]
    if missing:
        raise DataError(f"lacks {', '.join(missing)}; it has {', '.join(archive.files) or 'no arrays'}")
    headers = {name: _header(archive, name) for name in _NAMES}
    for part in ("train", "test"):
        _check_inputs(f"{part}_inputs", headers[f"{part}_inputs"])
        _check_labels(f"{part}_labels", headers[f"{part}_labels"], headers[f"{part}_inputs"])
    train, test = headers["train_inputs"], headers["test_inputs"]
    if train.example() != test.example() or (train.dtype == np.uint8) != (test.dtype == np.uint8):
        raise DataError(f"train_inputs are {_show(train)} and test_inputs {_show(test)}; expected examples of one kind")
    classes = _classes(_whole("train_labels", archive["train_labels"]), _whole("test_labels", archive["test_labels"]))
    return Description(classes, train.example(), train=train.shape[0], test=test.shape[0])


def _header(archive: NpzFile, name: str) -> _Header:
    """Read shape and kind of an array without reading the array."""
    assert archive.zip is not None  # only a closed archive has none
    with archive.zip.open(f"{name}.npy") as file:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(file)
    return _Header(shape, dtype)


def _check_inputs(name: str, header: _Header) -> None:
    if header.dtype != np.uint8 and header.dtype.kind != "f":
        raise DataError(f"{name} holds {header.dtype}; expected uint8 or floating-point numbers")
    if len(header.shape) not in (3, 4) or 0 in header.shape:
        raise DataError(f"{name} has the shape {list(header.shape)}; expected [N, H, W] or [N, C, H, W], nowhere 0")
    looks_last = header.dtype.kind == "f" and len(header.shape) == 4 and header.shape[3] in (1, 3)
    if looks_last and header.shape[1] not in (1, 3):
        shape = list(header.shape)
        raise DataError(f"{name} is floating-point {shape}, channels last: store it as [N, C, H, W], or as uint8")


def _check_labels(name: str, header: _Header, inputs: _Header) -> None:
    if header.dtype.kind not in "iuf":
        raise DataError(f"{name} holds {header.dtype}; expected whole numbers from 0")
    if len(header.shape) != 1:
        raise DataError(f"{name} has the shape {list(header.shape)}; expected [N], one label an example")
    if header.shape[0] != inputs.shape[0]:
        raise DataError(f"{name} has {header.shape[0]} labels for {inputs.shape[0]} inputs; expected one an example")


def _whole(name: str, labels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the labels that occur, once each and in order; floats are accepted where they are whole."""
    found = np.unique(labels)
    wrong = found[~(np.isfinite(found) & (found >= 0) & (found == np.floor(found)))]
    if len(wrong):
        raise DataError(f"{name} holds {wrong[0]:g}; expected whole numbers from 0")
    return found


def _classes(train: np.ndarray[Any, Any], test: np.ndarray[Any, Any]) -> int:
    """Return the number of classes C: train_labels holds each of 0..C-1, C at least 2, and test_labels no other."""
    gap = next((number for number, label in enumerate(train.tolist()) if label != number), None)
    if gap is not None:
        raise DataError(f"train_labels has no {gap} but has {train[gap]:g}; expected every class from 0 to the last")
    if len(train) < 2:
        raise DataError("train_labels holds one class alone; expected two or more")
    if test[-1] >= len(train):
        raise DataError(f"test_labels holds {test[-1]:g}, which train_labels does not; expected 0 to {len(train) - 1}")
    return len(train)


def _inputs(archive: NpzFile, name: str) -> np.ndarray[Any, Any]:
    inputs = archive[name]
    if inputs.dtype == np.uint8:
        return inputs
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused as such
        inputs = inputs.astype(np.float32)
    finite = np.isfinite(inputs).all(axis=tuple(range(1, inputs.ndim)))
    if not finite.all():
        raise DataError(f"{name} is not finite in {np.sum(~finite)} examples, the first at row {np.argmin(finite)}")
    return inputs


def _show(header: _Header) -> str:
    return f"{header.dtype} {list(header.example())}"

"""A user's own data by path: an NPZ file, a folder of images, or a file of text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distiller.data.dataset import DataError, Description
from distiller.data.folder import describe_folder, folder_classes, read_folder
from distiller.data.npz import describe_npz, read_npz
from distiller.data.own_text import SUFFIXES, read_own_text
from distiller.data.registry import REGISTRY
from distiller.data.stored import Stored
from distiller.own_path import OwnPath, own_path

__all__ = ["class_names", "describe_own", "is_own_text", "locate_own", "read_own"]


def class_names(path: str) -> list[str]:
    """Return the names of the classes by number; none for data whose classes are numbers alone."""
    own = own_path(path)
    if own is not None and is_own_text(own):
        return list(read_own_text(locate_own(own)).names)
    return list(folder_classes(own)) if own is not None and own.path.is_dir() else []


def is_own_text(own: OwnPath) -> bool:
    """Say whether the path is that of a file of text, from its name alone."""
    return own.path.suffix.lower() in SUFFIXES and not own.path.is_dir()


def locate_own(own: OwnPath) -> Path:
    """Return the path; raises `DataError` where nothing is there, or a size is named for what is no folder."""
    if not own.path.exists():
        raise DataError(
            f"no file or folder {own.path}: give the path of an .npz file, of a folder of images or of a .csv, .tsv or .parquet "
            f"of text, or one of {', '.join(REGISTRY)}"
        )
    if own.size is not None and not own.path.is_dir():
        raise DataError(
            f"{own.path} is no folder of images: only their size can be changed; take the @ and the size away"
        )
    return own.path


def describe_own(own: OwnPath) -> Description:
    """Describe the data without reading their inputs; raises `DataError` for what is absent or wrong."""
    path = locate_own(own)
    with _readable(path):
        return describe_folder(own) if path.is_dir() else describe_npz(path)


def read_own(own: OwnPath) -> tuple[Description, Stored, Stored]:
    """Return the description, the training and the test examples; raises `DataError` for what is absent or wrong."""
    path = locate_own(own)
    with _readable(path):
        return read_folder(own) if path.is_dir() else read_npz(path)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be read: {error.strerror or error}") from error

"""A user's own data: a folder of images, train/CLASS/* and test/CLASS/*, as `torchvision.datasets.ImageFolder` has it.

Classes are the sorted names of the folders in train/. Where there is no test/, a fifth of each class is cut for it, by a fixed
key; where there is no train/ either, the folders of the classes stand at the top. Images are one channel where all of them are
grey, else three; all have one size, or are resized to the size that the path names, their proportions not kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from distiller.data.dataset import DataError, Description
from distiller.data.split import stratified_cut
from distiller.data.stored import Stored
from distiller.own_path import OwnPath

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["describe_folder", "folder_classes", "read_folder"]

_TEST_SHARE = 5
"""One image of so many is for testing where the folder has no test/."""
_GREY = ("1", "L", "LA")
_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")


@dataclass(frozen=True)
class _Image:
    """A file, the number of its class, and what its header says."""

    path: Path
    label: int
    size: tuple[int, int]
    """Height and width."""
    mode: str


@dataclass(frozen=True)
class _Listed:
    """The images of both parts, and the form that all are brought to."""

    classes: int
    train: tuple[_Image, ...]
    test: tuple[_Image, ...]
    shape: tuple[int, int, int]

    def description(self) -> Description:
        return Description(self.classes, self.shape, train=len(self.train), test=len(self.test))


def folder_classes(own: OwnPath) -> tuple[str, ...]:
    """Return the names of the classes, in the order of their numbers."""
    return tuple(folder.name for folder in _folders(_train_folder(own.path)))


def describe_folder(own: OwnPath) -> Description:
    """Describe the images from their headers alone; raises `DataError` for what is wrong."""
    return _listed(own).description()


def read_folder(own: OwnPath) -> tuple[Description, Stored, Stored]:
    """Return the description, the training and the test examples, bytes; raises `DataError` for what is wrong."""
    listed = _listed(own)
    train, test = (_stored(part, listed.shape) for part in (listed.train, listed.test))
    return listed.description(), train, test


def _listed(own: OwnPath) -> _Listed:
    root, names = own.path, folder_classes(own)
    if len(names) < 2:
        found = f"one class alone, {names[0]}" if names else "no folder of a class"
        raise DataError(f"{root}: has {found}; expected train/CLASS/*.png and test/CLASS/*.png, of two classes or more")
    train = _images(_train_folder(root), names)
    test = _images(root / "test", names) if (root / "test").is_dir() else ()
    shape = (1 if _all_grey((*train, *test)) else 3, *_size(own, (*train, *test)))
    if not test:
        train, test = _split(root, train)
    return _Listed(len(names), train, test, shape)


def _train_folder(root: Path) -> Path:
    return root / "train" if (root / "train").is_dir() else root


def _folders(parent: Path) -> list[Path]:
    found = sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))
    # Without train/, the classes are beside a test/ that is none of them.
    return [path for path in found if parent.name == "train" or path.name != "test"]


def _images(parent: Path, names: Sequence[str]) -> tuple[_Image, ...]:
    """Return the images of the classes ``names`` in ``parent``, by class and then by path."""
    unknown = [folder.name for folder in _folders(parent) if folder.name not in names]
    if unknown:
        raise DataError(f"{parent}: has the class {unknown[0]}, which train/ has not; expected {', '.join(names)}")
    found: list[_Image] = []
    for label, name in enumerate(names):
        files = sorted(_files(parent / name))
        if not files and parent.name != "test":
            raise DataError(f"{parent / name}: holds no image; put some there, or take the folder away")
        found += [_header(path, label) for path in files]
    if not found:
        raise DataError(
            f"{parent}: holds no image; put some there, or take the folder away and have a fifth cut for it"
        )
    return tuple(found)


def _files(folder: Path) -> Iterator[Path]:
    from torchvision.datasets.folder import IMG_EXTENSIONS

    for path in folder.rglob("*") if folder.is_dir() else ():
        # What other programs leave beside images begins with a dot.
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in IMG_EXTENSIONS and path.is_file() and not is_hidden:
            yield path


def _header(path: Path, label: int) -> _Image:
    with _opened(path) as image:
        if image.mode not in (*_GREY, *_COLOUR):
            raise DataError(f"{path}: its pixels are of mode {image.mode}; save it with 8 bits a channel, grey or RGB")
        return _Image(path, label, (image.height, image.width), image.mode)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    from PIL import Image

    try:
        with Image.open(path) as image:
            yield image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: cannot be read as an image ({reason}); replace it, or take it away") from error


def _all_grey(images: Sequence[_Image]) -> bool:
    return all(image.mode in _GREY for image in images)


def _size(own: OwnPath, images: Sequence[_Image]) -> tuple[int, int]:
    """Return the height and width that all images have, or are resized to."""
    if own.size is not None:
        return own.size
    first = images[0]
    other = next((image for image in images if image.size != first.size), None)
    if other is None:
        return first.size
    sizes = " and ".join(f"{image.path.name} is {image.size[0]} x {image.size[1]}" for image in (first, other))
    raise DataError(f"{own.path}: its images differ in size: {sizes}; name one for all, such as data: {own.path}@32")


def _split(root: Path, images: tuple[_Image, ...]) -> tuple[tuple[_Image, ...], tuple[_Image, ...]]:
    count = len(images) // _TEST_SHARE
    if not count:
        raise DataError(
            f"{root}: has no test/, and {len(images)} images are too few to cut one from; make a test/CLASS/*"
        )
    kept, cut = stratified_cut(torch.tensor([image.label for image in images]), count, "folder", "test")
    return tuple(images[row] for row in kept.tolist()), tuple(images[row] for row in cut.tolist())


def _stored(images: Sequence[_Image], shape: tuple[int, int, int]) -> Stored:
    channels, height, width = shape
    pixels = np.empty((len(images), height, width, channels), dtype=np.uint8)
    for row, image in enumerate(images):
        pixels[row] = _pixels(image.path, channels, (height, width))
    return Stored.of(pixels, [image.label for image in images])


def _pixels(path: Path, channels: int, size: tuple[int, int]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return the bytes [H, W, channels]; a resize averages over all pixels that a new one covers."""
    from PIL import Image

    height, width = size
    with _opened(path) as opened:
        image = opened.convert("L" if channels == 1 else "RGB")
        if image.size != (width, height):
            image = image.resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(image, dtype=np.uint8).reshape(height, width, channels)

"""Which data sets are here, where they lie, and fetching one that is not."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

from distiller.data.dataset import DataError
from distiller.data.images import TorchvisionImages
from distiller.data.own import locate_own
from distiller.data.registry import REGISTRY, Origin, entry_of
from distiller.data.roots import chosen_root, find, roots
from distiller.data.torchtext_sentences import TorchtextSentences
from distiller.data.vectors import fetch_vectors
from distiller.own_path import own_path
from distiller.text import is_glove

__all__ = ["Available", "catalogue", "fetch", "locate"]


@dataclass(frozen=True)
class Available:
    """A line of the catalogue; ``where`` is the root that holds it, `None` for data absent or carried by a package."""

    name: str
    about: str
    present: bool
    where: Path | None
    classes: int
    shape: tuple[int, ...]
    counts: tuple[int, int]
    """Published numbers of training and test examples."""


def catalogue() -> list[Available]:
    """List every named data set and whether its files are here, from their names alone: nothing is read."""
    lines = []
    for name, entry in REGISTRY.items():
        where = _where(entry.origin)
        described = entry.description
        lines.append(
            Available(
                name=name,
                about=entry.about,
                present=where is not None or not entry.origin.files,
                where=where,
                classes=described.classes,
                shape=described.shape,
                counts=(described.train, described.test),
            )
        )
    return lines


def locate(name_or_path: str) -> Path | None:
    """Return the root that holds a named data set, or a user's own file or folder; `None` for data that a package carries.

    Raises `DataError` where it is absent, or its name is not known. Reads nothing: a cheap check before a run.
    """
    own = own_path(name_or_path)
    if own is not None:
        return locate_own(own)
    origin = entry_of(name_or_path).origin
    where = _where(origin)
    if where is None and origin.files:
        places = " or ".join(str(root) for root in roots())
        raise DataError(
            f"data set {name_or_path} is not in {places}: "
            f"fetch it with `stillhouse data {name_or_path}`, or point $STILLHOUSE_DATA at it"
        )
    return where


def fetch(name: str) -> Path:
    """Download a data set, or a GloVe's vectors, unless it is here; return the root, or the file, that holds it.

    Goes into $STILLHOUSE_DATA where it is set, else ./data where that exists, else the user's cache. Raises `DataError` for a
    name that is not known, for data that needs no download, and where the download fails.
    """
    if is_glove(name):
        return fetch_vectors(name)
    origin = entry_of(name).origin
    if not isinstance(origin, TorchvisionImages | TorchtextSentences):
        raise DataError(f"data set {name} needs no download: it comes with an installed package")
    where, root = _where(origin), chosen_root()
    if where is not None:
        return where
    try:
        origin.fetch(root)
    except ImportError as error:
        raise DataError(f"data set {name} needs the Python package {error.name}, which is not installed") from error
    except (OSError, RuntimeError, EOFError, zipfile.BadZipFile) as error:
        # Of several mirrors, torchvision names each on a line; the last says why.
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise DataError(
            f"data set {name} could not be downloaded into {root} ({reason}): "
            "check the network and the disk, or put its files there by hand"
        ) from error
    return root


def _where(origin: Origin | TorchtextSentences) -> Path | None:
    return find(origin.files) if origin.files else None

"""Load a data set by its name or its path, and describe one without loading it."""

from __future__ import annotations

from pathlib import Path

import torch

from distiller.data.dataset import DataError, Dataset, Description
from distiller.data.holdings import locate
from distiller.data.own import describe_own, read_own
from distiller.data.registry import Entry, entry_of
from distiller.data.split import largest_cut, stratified_cut
from distiller.data.stored import Stored
from distiller.own_path import own_path

__all__ = ["describe", "load"]


def load(name_or_path: str, validation: int = 0, examples: int | None = None) -> Dataset:
    """Read a data set whole, as float32 on the CPU, with ``validation`` examples cut from its training data.

    The cut is stratified by class and made by a fixed key, so that it depends on nothing but the data and the count; so are the
    ``examples`` that training data are limited to, of those that validation leaves (`None`: all of these). A named
    data set is normalised by the statistics of its `registry` entry, a user's own by those of its whole training part.
    Raises `DataError` for data that is absent or damaged, a name that is not known, and a cut that leaves a class empty.
    """
    own = own_path(name_or_path)
    if own is not None:
        description, train, test = read_own(own)
        mean, std = train.statistics()
    else:
        entry = entry_of(name_or_path)
        description, mean, std = entry.description, entry.mean, entry.std
        train, test = _read(name_or_path, entry, locate(name_or_path))
    kept, cut = _cut(name_or_path, train, validation)
    if examples is not None:
        kept = _limited(name_or_path, kept, examples)
    return Dataset(
        name=name_or_path,
        classes=description.classes,
        shape=description.shape,
        mean=mean,
        std=std,
        train=kept.normalised(mean, std),
        validation=cut.normalised(mean, std),
        test=test.normalised(mean, std),
    )


def describe(name_or_path: str) -> Description:
    """Return classes, shape and counts without loading the inputs; a name's are known even where its files are absent.

    Raises `DataError` for a name that is not known, and for a user's file or folder that is absent or not as it should be.
    """
    own = own_path(name_or_path)
    return entry_of(name_or_path).description if own is None else describe_own(own)


def _read(name: str, entry: Entry, root: Path | None) -> tuple[Stored, Stored]:
    try:
        parts = entry.origin.read(root)
    except MemoryError:
        raise
    except ImportError as error:
        raise DataError(f"data set {name} needs the Python package {error.name}, which is not installed") from error
    except Exception as error:
        # Reading a damaged file, torchvision and what it reads with raise whatever comes: asserts, unpickling and zip errors.
        # Of its message the first sentence is the reason, and the next is advice for its own callers.
        reason = " ".join(str(error).split()).split(". ")[0] or type(error).__name__
        raise _unreadable(name, root, reason) from error
    for part in parts:
        if len(part.inputs) != len(part.labels):
            raise _unreadable(name, root, f"{len(part.inputs)} inputs and {len(part.labels)} labels")
        if part.inputs.shape[1:] != entry.description.shape:
            raise _unreadable(name, root, f"inputs of shape {list(part.inputs.shape[1:])}")
        if not len(part) or part.labels.min() < 0 or part.labels.max() >= entry.description.classes:
            raise _unreadable(name, root, f"labels that are not 0..{entry.description.classes - 1}")
    return parts


def _unreadable(name: str, root: Path | None, reason: str) -> DataError:
    place = root or "its Python package"
    return DataError(
        f"data set {name} in {place} cannot be read ({reason}): "
        f"delete its files and fetch it again with `stillhouse data {name}`"
    )


def _cut(name: str, train: Stored, validation: int) -> tuple[Stored, Stored]:
    """Cut ``validation`` examples from the training data; return what is left and what was cut."""
    most = largest_cut(train.labels)
    if not 0 <= validation <= most:
        raise DataError(
            f"validation: {validation} of the {len(train)} training examples of {name}; expected 0 to {most}, "
            "which leaves one of every class to train on"
        )
    if validation == 0:
        return train, train.rows(torch.empty(0, dtype=torch.int64))
    kept, cut = stratified_cut(train.labels, validation, "data", "validation")
    return train.rows(kept), train.rows(cut)


def _limited(name: str, train: Stored, examples: int) -> Stored:
    """Keep only ``examples`` of the training examples."""
    most = largest_cut(train.labels)
    if examples > most:
        raise DataError(
            f"real_examples: {examples} of the {len(train)} training examples of {name} that validation leaves; expected 1 to "
            f"{most}, or nothing for all"
        )
    return train.rows(stratified_cut(train.labels, examples, "data", "examples")[1])

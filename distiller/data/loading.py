"""Load a data set by its name or its path, and describe one without loading it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch

from distiller.data.dataset import DataError, Dataset, Description
from distiller.data.holdings import locate
from distiller.data.own import describe_own, is_own_text, locate_own, read_own
from distiller.data.own_text import OwnText, read_own_text
from distiller.data.registry import Entry, entry_of
from distiller.data.sentences import Sentences
from distiller.data.split import largest_cut, stratified_cut
from distiller.data.stored import Stored
from distiller.data.text_loading import described_text, text_dataset
from distiller.data.torchtext_sentences import TorchtextSentences
from distiller.data.vectors import locate_vectors
from distiller.own_path import own_path
from distiller.text import Text

__all__ = ["check_text", "describe", "is_text", "load", "own_text", "read_once"]

_Part = TypeVar("_Part", Stored, Sentences)


def load(name_or_path: str, validation: int = 0, examples: int | None = None, text: Text | None = None) -> Dataset:
    """Read a data set whole, as float32 on the CPU, with ``validation`` examples cut from its training data.

    The cut is stratified by class and made by a fixed key, so that it depends on nothing but the data and the count; so are the
    ``examples`` that training data are limited to, of those that validation leaves (`None`: all of these). A named
    data set is normalised by the statistics of its `registry` entry, a user's own by those of its whole training part; sentences
    get numbers of words, as ``text`` says (`None`: its defaults). Raises `DataError` for data that is absent or damaged, a name
    that is not known, and a cut that leaves a class empty.
    """
    check_text(name_or_path, text)
    if is_text(name_or_path):
        return _load_text(name_or_path, validation, examples, text)
    own = own_path(name_or_path)
    if own is not None:
        description, train, test = read_own(own)
        mean, std = train.statistics()
    else:
        entry = entry_of(name_or_path)
        description, mean, std = entry.description, entry.mean, entry.std
        train, test = _read(name_or_path, entry, locate(name_or_path))
    kept, cut = _cut(name_or_path, train, validation, examples)
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


def describe(name_or_path: str, text: Text | None = None) -> Description:
    """Return classes, shape and counts without loading the inputs; a name's are known even where its files are absent.

    Raises `DataError` for a name that is not known, for a user's file or folder that is absent or not as it should be, and for
    vectors whose size is not in their name and whose file is absent.
    """
    own = own_path(name_or_path)
    if is_text(name_or_path):
        described = entry_of(name_or_path).description if own is None else own_text(name_or_path).description
        return described_text(described, text)
    return entry_of(name_or_path).description if own is None else describe_own(own)


def is_text(name_or_path: str) -> bool:
    """Say whether the data are sentences. Raises `DataError` for a name that is not known."""
    own = own_path(name_or_path)
    return isinstance(entry_of(name_or_path).origin, TorchtextSentences) if own is None else is_own_text(own)


def check_text(name_or_path: str, text: Text | None) -> None:
    """Raise `DataError` where ``text`` is said of data that are none, and where the vectors of text are absent."""
    if is_text(name_or_path):
        locate_vectors((text or Text()).vectors)
    elif text is not None:
        raise DataError(f"text: {name_or_path} holds no text; leave it out")


def read_once(name: str) -> None:
    """Read a named data set, which has no say in anything but whether its files are whole. Raises `DataError`."""
    if is_text(name):
        _read(name, entry_of(name), locate(name))
    else:
        load(name)


def _load_text(name_or_path: str, validation: int, examples: int | None, text: Text | None) -> Dataset:
    if own_path(name_or_path) is None:
        entry = entry_of(name_or_path)
        assert isinstance(entry.origin, TorchtextSentences)
        description, names = entry.description, entry.origin.class_names
        train, test = _read(name_or_path, entry, locate(name_or_path))
    else:
        found = own_text(name_or_path)
        description, names, train, test = found.description, found.names, found.train, found.test
    kept, cut = _cut(name_or_path, train, validation, examples)
    return text_dataset(name_or_path, description, names, (kept, cut, test), text)


def own_text(path: str) -> OwnText:
    """Read a user's own text, without vectors. Raises `DataError`."""
    own = own_path(path)
    assert own is not None
    return read_own_text(locate_own(own))


def _read(name: str, entry: Entry, root: Path | None) -> tuple[Any, Any]:
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
    _check_parts(name, entry, root, parts)
    return parts


def _check_parts(name: str, entry: Entry, root: Path | None, parts: Sequence[Stored | Sentences]) -> None:
    for part in parts:
        if isinstance(part, Sentences):
            if not len(part):
                raise _unreadable(name, root, "no sentences")
            continue
        if len(part.inputs) != len(part.labels):
            raise _unreadable(name, root, f"{len(part.inputs)} inputs and {len(part.labels)} labels")
        if part.inputs.shape[1:] != entry.description.shape:
            raise _unreadable(name, root, f"inputs of shape {list(part.inputs.shape[1:])}")
        if not len(part) or part.labels.min() < 0 or part.labels.max() >= entry.description.classes:
            raise _unreadable(name, root, f"labels that are not 0..{entry.description.classes - 1}")


def _unreadable(name: str, root: Path | None, reason: str) -> DataError:
    place = root or "its Python package"
    return DataError(
        f"data set {name} in {place} cannot be read ({reason}): "
        f"delete its files and fetch it again with `stillhouse data {name}`"
    )


def _cut(name: str, train: _Part, validation: int, examples: int | None) -> tuple[_Part, _Part]:
    """Cut ``validation`` examples from the training data; return ``examples`` of what is left, `None` for all, and the cut."""
    most = largest_cut(train.labels)
    if not 0 <= validation <= most:
        raise DataError(
            f"validation: {validation} of the {len(train)} training examples of {name}; expected 0 to {most}, "
            "which leaves one of every class to train on"
        )
    kept, cut = train, train.rows(torch.empty(0, dtype=torch.int64))
    if validation:
        left, out = stratified_cut(train.labels, validation, "data", "validation")
        kept, cut = train.rows(left), train.rows(out)
    return kept if examples is None else _limited(name, kept, examples), cut


def _limited(name: str, train: _Part, examples: int) -> _Part:
    """Keep only ``examples`` of the training examples."""
    most = largest_cut(train.labels)
    if examples > most:
        raise DataError(
            f"real_examples: {examples} of the {len(train)} training examples of {name} that validation leaves; expected 1 to "
            f"{most}, or nothing for all"
        )
    return train.rows(stratified_cut(train.labels, examples, "data", "examples")[1])

"""Word vectors from files in GloVe's text format: a word and its numbers a line, parted by single blanks.

A GloVe is known by its name, such as ``glove.6B.100d``, and fetched by `torchtext.vocab.GloVe`; any other file by its path. A
first line of two whole numbers, as word2vec and fastText write it, is passed over. torchtext's own reader turns all of a file
into tensors, a line at a time, and keeps them in a pickle; here only the vectors of wanted words are read.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Collection
from pathlib import Path

from distiller.data.dataset import DataError
from distiller.data.images import silence_ends
from distiller.data.roots import chosen_root, roots
from distiller.text import glove_of, is_glove

__all__ = ["fetch_vectors", "locate_vectors", "read_vectors", "vector_size"]

_FOLDER = "vectors"


def locate_vectors(name_or_path: str) -> Path:
    """Return the file of a GloVe's name or of a path; raises `DataError` where there is none."""
    given = Path(name_or_path).expanduser()
    file = Path(_FOLDER, f"{name_or_path}.txt") if is_glove(name_or_path) else given
    for place in (given, *(root / file for root in roots())):
        if place.is_file():
            return place
    places = " or ".join(str(root) for root in roots())
    if is_glove(name_or_path):
        cure = f"fetch it with `stillhouse data {name_or_path}`, or name a file of your own at text.vectors"
        raise DataError(f"text.vectors: {file} is not in {places}: {cure}")
    raise DataError(
        f"text.vectors: no file {name_or_path}, here or in {places}: give the path of a file in GloVe's text format, or a "
        "name such as glove.6B.100d"
    )


def fetch_vectors(name: str) -> Path:
    """Download a GloVe by torchtext unless it is here; return its file. Raises `DataError` where that fails."""
    try:
        return locate_vectors(name)
    except DataError:
        pass
    glove = glove_of(name)
    assert glove is not None
    folder = chosen_root() / _FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as temporary, silence_ends():
            from torchtext.vocab import GloVe

            GloVe(name=glove[0], dim=glove[1], cache=temporary)
            return Path(temporary, f"{name}.txt").replace(folder / f"{name}.txt")
    except (OSError, RuntimeError, EOFError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise DataError(
            f"vectors {name} could not be downloaded into {folder} ({reason}): check the network and the disk, or put "
            f"{name}.txt there by hand"
        ) from error


def vector_size(name_or_path: str) -> int:
    """Return how many numbers a vector has: a GloVe's from its name, a file's from its first line."""
    glove = glove_of(name_or_path)
    if glove is not None:
        return glove[1]
    path = locate_vectors(name_or_path)
    with path.open("rb") as file:
        return _size(path, file.readline(), file.readline())


def read_vectors(path: Path, wanted: Collection[str]) -> dict[str, list[float]]:
    """Return the vectors of those of the words ``wanted`` that are in the file, the first where one is there twice.

    Raises `DataError`, naming the line, for one with more or fewer numbers than the first, and for a wanted word with what is no
    finite number or with zeros alone, which is what padding looks like.
    """
    keys = {word.encode(): word for word in wanted}
    found: dict[str, list[float]] = {}
    with path.open("rb") as file:
        size = _size(path, file.readline(), file.readline())
        file.seek(0)
        for number, line in enumerate(file, 1):
            if number == 1 and _is_header(line):
                continue
            word, numbers = _entry(line, size)
            if numbers is None:
                raise DataError(
                    f"{path}: line {number} does not have a word and {size} numbers as the first has: mend it, or take it out"
                )
            known = keys.get(word)
            if known is not None and known not in found:
                found[known] = _vector(path, number, known, numbers)
    return found


def _size(path: Path, first: bytes, second: bytes) -> int:
    line = second if _is_header(first) else first
    size = len(line.split()) - 1
    if size < 2 or not _are_numbers(line.split()[1:]):
        raise DataError(f"{path}: its first line is not a word and its numbers; expected a file in GloVe's text format")
    return size


def _is_header(line: bytes) -> bool:
    parts = line.split()
    return len(parts) == 2 and all(part.isdigit() for part in parts)


def _entry(line: bytes, size: int) -> tuple[bytes, list[bytes] | None]:
    """Return a line's word and its numbers, `None` where these are not ``size``; a few words of GloVe 840B hold blanks."""
    parts = line.strip(b" \r\n").split(b" ")
    if len(parts) == size + 1:
        return parts[0], parts[1:]
    if len(parts) > size + 1 and not _are_numbers(parts[1:2]):
        return b" ".join(parts[:-size]), parts[-size:]
    return b"", None


def _are_numbers(parts: list[bytes]) -> bool:
    try:
        return all(math.isfinite(float(part)) for part in parts)
    except ValueError:
        return False


def _vector(path: Path, number: int, word: str, numbers: list[bytes]) -> list[float]:
    if not _are_numbers(numbers):
        raise DataError(f"{path}: line {number}, {word!r}, holds what is no number: mend it, or take it out")
    vector = [float(each) for each in numbers]
    if not any(vector):
        raise DataError(f"{path}: line {number}, {word!r}, has zeros alone, which stand for padding: take it out")
    return vector

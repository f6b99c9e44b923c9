"""Read a study out of a storage of Optuna's: a file of SQLite, a journal file, or a database by its URL. Nothing is written."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from sweeps.secret import without_passwords

__all__ = ["StorageError", "read_study"]

_SQLITE = b"SQLite format 3\0"
_NAMED = 5  # studies in a line


class StorageError(ValueError):
    """A storage that cannot be read, or a study that is not in it, in one line."""


def read_study(storage: str, name: str | None) -> optuna.Study:
    """Return the study of that name, or the only one there is, with all its trials in memory.

    Raises `StorageError`.
    """
    shown = without_passwords(storage)
    try:
        with _opened(storage, shown) as opened:
            names = [study.study_name for study in opened.get_all_studies()]
            chosen = _choose(names, name, shown)
            study = optuna.load_study(study_name=chosen, storage=opened)
            copied = optuna.create_study(study_name=chosen, directions=study.directions)
            copied.add_trials(study.get_trials(deepcopy=False))
            return copied
    except StorageError:
        raise
    except Exception as error:  # of any database's driver
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        raise StorageError(f"{shown}: cannot be read as a storage of Optuna's: {without_passwords(lines[0])}") from None


def _choose(names: list[str], name: str | None, shown: str) -> str:
    known = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    if name is None and len(names) == 1:
        return names[0]
    if not names:
        raise StorageError(f"{shown}: holds no study")
    if name is None:
        raise StorageError(f"{shown}: holds {known}; name one with study:")
    if name not in names:
        raise StorageError(f"{shown}: no study is named {name}; there are: {known}")
    return name


@contextlib.contextmanager
def _opened(storage: str, shown: str) -> Iterator[BaseStorage]:
    path = _path(storage)
    if path is None:
        yield _database(storage)
        return
    if not path.is_file():
        raise StorageError(f"{shown}: there is no such file")
    with path.open("rb") as file:
        is_sqlite = file.read(len(_SQLITE)) == _SQLITE
    if is_sqlite:
        # SQLite makes a database of whatever it does not find, and locks what it may write.
        yield _database(f"sqlite:///file:{quote(str(path.resolve()))}?mode=ro&uri=true")
        return
    with _whole_lines(path) as copy:
        yield JournalStorage(JournalFileBackend(str(copy)))


def _path(storage: str) -> Path | None:
    """Return the file that ``storage`` names, by itself or as SQLite's URL; `None` for a database elsewhere."""
    if storage.startswith("sqlite:///"):
        return Path(storage.removeprefix("sqlite:///").partition("?")[0])
    return None if "://" in storage else Path(storage)


def _database(url: str) -> BaseStorage:
    storage = RDBStorage(url, skip_table_creation=True)
    storage.remove_session()
    return storage


@contextlib.contextmanager
def _whole_lines(path: Path) -> Iterator[Path]:
    """Give a copy of a journal up to its last whole line: a writer may be at work on it, or have died in the midst of one."""
    with tempfile.TemporaryDirectory() as folder:
        copy, payload = Path(folder) / "journal", path.read_bytes()
        copy.write_bytes(payload[: payload.rfind(b"\n") + 1])
        yield copy

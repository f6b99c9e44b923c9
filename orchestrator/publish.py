"""Publish a file whole or not at all; publishing is the one commit that a run knows.

In a local folder the bytes go into a file whose name begins with a dot, are made durable, and only then get their real name, made
durable too. A reader sees the old file, the new one or none; after a crash or a full disk there may be a temporary file,
which `clear_temporaries` removes and which nobody reads. Elsewhere `orchestrator.remote` does what the store offers.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

from orchestrator.place import Place

__all__ = ["clear_temporaries", "make_folder", "publish", "remove_folder", "settle"]

# File systems without hard links, and those that cannot make a folder durable, answer with one of these.
_UNSUPPORTED = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


def publish(place: Place, payload: bytes, *, replace: bool = True, settled: bool = True) -> None:
    """Give ``place`` the content ``payload``, atomically and durably; its folder has to be there.

    With ``replace=False`` a file that is there already stays as it is, and `FileExistsError` is raised unless it holds just these
    bytes. With ``settled=False`` a power cut may take the name away again, until `settle`; a name never stands for half a file.
    Any `OSError`, such as of a full disk, is let through, with nothing readable left behind.
    """
    if isinstance(place, Path):
        _publish_here(place, payload, replace)
        if settled:
            settle(place.parent)
    elif replace or not _is_there(place, payload):
        place.write_bytes(payload)


def make_folder(folder: Place) -> None:
    """Make ``folder`` and those above it where they are missing, durably."""
    if not isinstance(folder, Path):
        folder.make_folder()
    elif not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        settle(folder.parent)


def remove_folder(folder: Place) -> None:
    """Remove ``folder`` and what is in it, as far as that can be done."""
    if isinstance(folder, Path):
        shutil.rmtree(folder, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            folder.remove_folder()


def clear_temporaries(folder: Place) -> None:
    """Remove what writers that died have left in ``folder``; only its single writer may call this."""
    for path in folder.glob(".*.tmp-*"):
        path.unlink(missing_ok=True)


def _is_there(place: Place, payload: bytes) -> bool:
    """Say whether ``place`` holds just these bytes already; raise `FileExistsError` where it holds others.

    Stores give no such promise by themselves: of two writers at the same instant one is lost; the lease keeps the second one out.
    """
    with contextlib.suppress(FileNotFoundError):
        if place.read_bytes() != payload:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(place))
        return True
    return False


def _publish_here(path: Path, payload: bytes, replace: bool) -> None:
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        _write(temporary, payload)
        if replace:
            os.replace(temporary, path)
        else:
            _rename_new(temporary, path)
    except FileExistsError:
        # A try that was interrupted after the name was given is repeated by its caller, and must then succeed.
        if replace or path.read_bytes() != payload:
            raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _write(path: Path, payload: bytes) -> None:
    with path.open("wb") as file:
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())


def _rename_new(temporary: Path, path: Path) -> None:
    """Rename to a name that must be free: a hard link is refused by the file system where a rename would overwrite."""
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        # Without hard links two writers at the same instant are not told apart; the lease keeps the second one out.
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
        os.replace(temporary, path)


def settle(folder: Place) -> None:
    """Make the names in ``folder`` durable; a store's are at once."""
    if not isinstance(folder, Path):
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
    finally:
        os.close(descriptor)

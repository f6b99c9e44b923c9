"""A folder or a file of any file system of `pyarrow.fs`: S3, Google Cloud Storage, Azure, HDFS, or one that is made in Python.

An object store publishes an object whole, in one put: that is the commit there. On any other file system a file is written under
a name that begins with a dot and then renamed. Credentials come from where each store's own tools look for them, as from
``AWS_ACCESS_KEY_ID``: a URI that holds one is refused, for it would end up in files, messages and lists of processes.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import pyarrow as pa
from pyarrow import fs

from orchestrator.place import Place, PlaceError

__all__ = ["Remote", "remote", "source_of", "system_of"]

_OBJECT_STORES = ("s3", "gcs", "abfs")
_SECRET = re.compile("secret|password|token|key|signature|^sig$", re.IGNORECASE)


class _Stat(NamedTuple):
    st_mtime: float


@dataclass(frozen=True)
class Remote:
    """A place in a file system: `orchestrator.place.Place` says what it answers. ``path`` is that within ``system``.

    ``uri`` and its ``options`` (what stood behind the question mark) name the place for people; the default is made of the path.
    """

    system: Any
    path: str
    uri: str = ""
    options: str = ""

    def __str__(self) -> str:
        uri = self.uri or f"{self.system.type_name}://{self.path}"
        return f"{uri}?{self.options}" if self.options else uri

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name

    @property
    def stem(self) -> str:
        return PurePosixPath(self.path).stem

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.path).suffix

    @property
    def parent(self) -> Self:
        above = str(PurePosixPath(self.path).parent)
        return replace(self, path="" if above == "." else above, uri=self.uri.rpartition("/")[0])

    def __truediv__(self, name: str, /) -> Self:
        return replace(self, path=f"{self.path}/{name}" if self.path else name, uri=self.uri and f"{self.uri}/{name}")

    def exists(self) -> bool:
        return bool(self._info().type != fs.FileType.NotFound)

    def is_file(self) -> bool:
        return bool(self._info().type == fs.FileType.File)

    def is_dir(self) -> bool:
        return bool(self._info().type == fs.FileType.Directory)

    def iterdir(self) -> Iterator[Self]:
        with self._named():
            found = self.system.get_file_info(fs.FileSelector(self.path, allow_not_found=True))
        yield from (self / info.base_name for info in found)

    def glob(self, pattern: str) -> Iterator[Self]:
        """Yield what is in this folder, and not below, and has a name of this ``pattern``."""
        return (each for each in self.iterdir() if fnmatchcase(each.name, pattern))

    def read_bytes(self) -> bytes:
        with self._named(), self.system.open_input_stream(self.path) as stream:
            return bytes(stream.read())

    def write_bytes(self, payload: bytes) -> None:
        """Publish the file whole or not at all, over one that is there."""
        with self._named():
            if self._is_object():
                self._put(self.path, payload)
                return
            temporary = str(PurePosixPath(self.path).with_name(f".{self.name}.tmp-{os.getpid()}"))
            self._put(temporary, payload)
            self.system.move(temporary, self.path)

    def make_folder(self) -> None:
        """Make this folder and those above it; object stores have none."""
        if not self._is_object():
            with self._named():
                self.system.create_dir(self.path, recursive=True)

    def remove_folder(self) -> None:
        """Remove this folder and all that is in it; does nothing where there is none."""
        with self._named(), contextlib.suppress(FileNotFoundError):
            self.system.delete_dir(self.path)

    def stat(self) -> _Stat:
        """Return when the file was written, in seconds since 1970 by the store's own clock."""
        info = self._info()
        if info.type == fs.FileType.NotFound:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self))
        return _Stat(0.0 if info.mtime is None else info.mtime.timestamp())

    def unlink(self, missing_ok: bool = False) -> None:
        absent: tuple[type[Exception], ...] = (FileNotFoundError,) if missing_ok else ()
        with contextlib.suppress(*absent), self._named():
            self.system.delete_file(self.path)

    def _info(self) -> Any:
        with self._named():
            return self.system.get_file_info(self.path)

    def _put(self, path: str, payload: bytes) -> None:
        with self.system.open_output_stream(path) as stream:
            stream.write(payload)

    def _is_object(self) -> bool:
        system = self.system
        while isinstance(system, fs.SubTreeFileSystem):
            system = system.base_fs
        return system.type_name in _OBJECT_STORES

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Let errors name this place, and its trouble in one line."""
        try:
            yield
        except FileNotFoundError as error:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self)) from error
        except (OSError, pa.ArrowException) as error:
            reason = " ".join(str(error).split())
            raise OSError(getattr(error, "errno", None) or errno.EIO, reason, str(self)) from error


def remote(uri: str) -> Remote:
    """Return the place that ``uri`` names. Raises `PlaceError` for one that holds a credential, or of an unknown kind."""
    parts = urlsplit(uri)
    if parts.password is not None or any(_SECRET.search(name) for name, _ in parse_qsl(parts.query)):
        raise PlaceError(
            f"{parts.scheme}://...: holds a credential, which files and messages would show; leave it out, and set it where the "
            "tools of that store look for it, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    asked = parts.query
    if parts.scheme == "s3":
        # A small object is then one request, where it would be the three of an upload in several parts.
        asked = "&".join(filter(None, [asked, "allow_delayed_open=true"]))
    try:
        system, path = fs.FileSystem.from_uri(urlunsplit(parts._replace(query=asked)))
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise PlaceError(
            f"{uri}: {reason}; expected a folder, or a URI that pyarrow.fs reads: s3://bucket/run"
        ) from error
    shown = urlunsplit(parts._replace(query="", fragment="")).rstrip("/")
    return Remote(system, path.rstrip("/"), shown, parts.query)


def system_of(place: Place) -> tuple[fs.FileSystem, str]:
    """Return the file system that a place lies in, and its path there."""
    return (place.system, place.path) if isinstance(place, Remote) else (fs.LocalFileSystem(), str(place))


def source_of(place: Place) -> str | pa.BufferReader:
    """Return what Arrow reads a file from: of a remote one all bytes at once, since each read of a few is a request."""
    return str(place) if isinstance(place, Path) else pa.BufferReader(place.read_bytes())

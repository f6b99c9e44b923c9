"""Where a run lies: a folder of this machine, or one of any file system that `pyarrow.fs` reads, asked in one way.

A place is a `pathlib.Path`, or an `orchestrator.remote.Remote`, for ``s3://bucket/run`` and any other URI, which answers as many
of a path's methods as a run's folder and its files need. Writing goes by `orchestrator.publish` for both.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from orchestrator.remote import Remote

__all__ = ["Place", "PlaceError", "place_of"]

Place: TypeAlias = "Path | Remote"
"""A folder or a file, which need not be there."""


class PlaceError(ValueError):
    """A URI that names no place, in one line."""


def place_of(where: str | Place) -> Place:
    """Return the place that a path or a URI names. Raises `PlaceError` for a URI that `pyarrow.fs` does not know.

    >>> place_of("file:///tmp/my%20run")
    PosixPath('/tmp/my run')
    """
    if not isinstance(where, str):
        return where
    if "://" not in where:
        return Path(where)
    uri = urlsplit(where)
    if uri.scheme != "file":
        from orchestrator.remote import remote

        return remote(where)
    if uri.netloc not in ("", "localhost"):
        raise PlaceError(f"{where}: names a host; expected file:///PATH, of this machine")
    return Path(unquote(uri.path))

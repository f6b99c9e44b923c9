"""The path of a user's own data, as a recipe writes it: told from a name, with the size that its images are resized to.

Needs nothing but the standard library, so that a path can be made absolute before anything heavy is imported.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["OwnPath", "absolute", "own_path"]

_SIZED = re.compile(r"(?P<path>.+)@(?P<height>[1-9]\d{0,4})(x(?P<width>[1-9]\d{0,4}))?\Z", re.DOTALL)


@dataclass(frozen=True)
class OwnPath:
    """``path`` and, after an ``@``, the height and width to resize images to, as in ``birds/@32`` or ``birds/@28x32``."""

    path: Path
    size: tuple[int, int] | None

    def __str__(self) -> str:
        return str(self.path) if self.size is None else "{}@{}x{}".format(self.path, *self.size)


def own_path(name_or_path: str) -> OwnPath | None:
    """Return the path of a user's own data, or `None` for a name: a dot or a slash makes a path."""
    if not any(sign in name_or_path for sign in (".", "/", os.sep)):
        return None
    sized = _SIZED.match(name_or_path)
    if sized is None:
        return OwnPath(Path(name_or_path).expanduser(), None)
    height = int(sized["height"])
    return OwnPath(Path(sized["path"]).expanduser(), (height, int(sized["width"] or height)))


def absolute(name_or_path: str) -> str:
    """Return the path of what is there made absolute, its size kept; names and paths of nothing come back as they are."""
    own = own_path(name_or_path)
    if own is None or own.path.is_absolute() or not own.path.exists():
        return name_or_path
    return str(OwnPath(own.path.resolve(), own.size))

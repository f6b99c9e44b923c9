"""The folders in which data sets are looked for, laid out as torchvision lays them out."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

__all__ = ["chosen_root", "find", "roots"]


def roots() -> list[Path]:
    """Return the folders in the order of looking: $STILLHOUSE_DATA alone where it is set, else ./data, then the user's cache."""
    own = os.environ.get("STILLHOUSE_DATA")
    if own:
        return [Path(own).expanduser().absolute()]
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return [Path.cwd() / "data", Path(cache) / "stillhouse"]


def chosen_root() -> Path:
    """Return the folder to download into: the first that exists, else the last."""
    return next((root for root in roots() if root.is_dir()), roots()[-1])


def find(files: Iterable[str]) -> Path | None:
    """Return the first root that holds every one of ``files``, or `None`."""
    wanted = list(files)
    return next((root for root in roots() if all((root / file).is_file() for file in wanted)), None)

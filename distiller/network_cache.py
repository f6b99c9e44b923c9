"""Trained networks that all runs of a user share: one file each in the user's cache folder.

Nothing depends on the cache: a network that is not there, or whose file is damaged, is trained again.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from distiller.network_files import NetworkFileError, is_shareable, name_of, read_network
from distiller.recipe import Recipe

__all__ = ["cached", "folder", "keep"]


def folder() -> Path:
    """Return ``$XDG_CACHE_HOME/stillhouse/networks``, in ``~/.cache`` where that is not set."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stillhouse" / "networks"


def cached(recipe: Recipe, seed: int) -> bytes | None:
    """Return the file of the recipe's pre-trained network of that seed; `None` where it is not there, whole and the right one."""
    if not is_shareable(recipe):
        return None
    name = name_of(recipe, seed)
    with contextlib.suppress(OSError, NetworkFileError):
        payload = (folder() / f"{name}.safetensors").read_bytes()
        read_network(payload, name)
        return payload
    return None


def keep(recipe: Recipe, seed: int, payload: bytes) -> None:
    """Put a network's file into the cache, whole or not at all; a cache that cannot be written stays as it is."""
    if not is_shareable(recipe):
        return
    path = folder() / f"{name_of(recipe, seed)}.safetensors"
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(payload)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

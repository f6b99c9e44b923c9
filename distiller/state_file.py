"""The state of one distillation in a file of its own, which says of which recipe it is."""

from __future__ import annotations

import os
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save

from distiller.distilled import safetensors_metadata
from distiller.recipe import Recipe
from distiller.state import State

__all__ = ["StateError", "read_state", "write_state"]

_RECIPE = "recipe"  # in the file's metadata: the digest of the recipe that the state is of


class StateError(ValueError):
    """A file that holds no state of this recipe, in one line."""


def read_state(path: Path, recipe: Recipe) -> State | None:
    """Return the state in the file ``path``, `None` where there is no such file.

    Raises `StateError` for a file that is damaged, that is no state, or whose state is of another recipe, `OSError` where it
    cannot be read.
    """
    if not path.exists():
        return None
    payload = path.read_bytes()
    try:
        digest = safetensors_metadata(payload).get(_RECIPE)
        state = State.from_bytes(payload)
    except (SafetensorError, AttributeError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise StateError(
            f"{path}: damaged, or no state at all ({reason}); remove it to start anew, or name another one"
        ) from error
    if digest != recipe.digest():
        raise StateError(f"{path}: the state of another recipe; give that recipe, or name another file with --state")
    return state


def write_state(path: Path, recipe: Recipe, state: State) -> None:
    """Write ``state`` and the digest of its recipe to ``path``, whole or not at all; its folder has to be there."""
    payload = state.to_bytes()
    stamped = save(load(payload), safetensors_metadata(payload) | {_RECIPE: recipe.digest()})
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        temporary.write_bytes(stamped)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)

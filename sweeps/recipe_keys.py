"""The recipe inside a sweep: its keys, those that have another place, and reading it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from distiller.recipe import Recipe, RecipeError
from sweeps.error import show
from sweeps.part import RefusedError, unknown_key

__all__ = ["ELSEWHERE", "check_key", "read_recipe"]

ELSEWHERE = {
    "seed": "set seed: at the top of the sweep",
    "run": "evaluate.final.runs says how many more runs there are",
    "validation": "set evaluate.validation",
    "device": "set resources.gpus: above 0 the device is cuda, else cpu",
}
"""Keys of a `Recipe` that a sweep fills in, and where a sweep says them."""


def check_key(key: str) -> None:
    """Raise `RefusedError` unless ``key`` is one that a sweep's recipe may give and its search may vary."""
    known = [field.name for field in dataclasses.fields(Recipe) if field.name not in ELSEWHERE]
    if key in ELSEWHERE:
        raise RefusedError((key,), f"has another place; {ELSEWHERE[key]}")
    if key not in known:
        raise RefusedError((key,), unknown_key(key, known))


def read_recipe(given: object, filled: Mapping[str, Any]) -> Recipe:
    """Read a sweep's ``recipe:`` and put in the keys of `ELSEWHERE`. Raises `RefusedError`."""
    if not isinstance(given, Mapping):
        raise RefusedError((), f"expected keys and values, got {show(given)}")
    for key in given:
        check_key(key)
    try:
        return Recipe.parse({**given, **filled})
    except RecipeError as error:
        raise RefusedError(error.key, error.reason) from None

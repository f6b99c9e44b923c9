"""What a search knows before its first trial: recipes to try first, and the trials of another search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Self

from pydantic import Field, field_serializer, model_validator

from sweeps.error import show
from sweeps.part import Part, RefusedError, unknown_key, within
from sweeps.secret import without_passwords
from sweeps.space import Dimension, value_in

__all__ = ["WarmStart", "read_enqueued"]


class WarmStart(Part):
    """Where finished trials come from: a study in a storage of Optuna's, or another run. It is read once, at the start."""

    storage: str | None = Field(default=None, description="text: a file of SQLite, a journal file, or a database's URL")
    study: str | None = Field(default=None, description="text, the study's name in the storage")
    run: str | None = Field(default=None, description="text, the folder of a run")

    @field_serializer("storage")
    def _without_password(self, storage: str | None) -> str | None:
        return None if storage is None else without_passwords(storage)

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if (self.storage is None) == (self.run is None):
            raise RefusedError((), "expected storage: with a study of Optuna's, or run: FOLDER, one of the two")
        if self.run is not None and self.study is not None:
            raise RefusedError(("study",), "is of a storage; expected it to be left out beside run:")
        return self


def read_enqueued(given: Sequence[object], space: Mapping[str, Dimension]) -> tuple[dict[str, Any], ...]:
    """Read recipes that are tried first, each some keys of the space with values in it. Raises `RefusedError`."""
    return tuple(within((index,), partial(_enqueued, space), each) for index, each in enumerate(given))


def _enqueued(space: Mapping[str, Dimension], given: object) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not given:
        raise RefusedError((), f"expected keys of the space with values, such as {{steps: 3}}, got {show(given)}")
    for key in given:
        if key not in space:
            raise RefusedError((key,), unknown_key(str(key), space))
    return {key: within((key,), partial(value_in, space[key]), given[key]) for key in sorted(given)}

"""What every part of a sweep's schema shares: strict, frozen, and plain words where a value does not fit."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator, model_validator

from sweeps.error import Path, show

__all__ = ["Complaint", "Part", "RefusedError", "complaints", "unknown_key", "within"]


_T = TypeVar("_T")


class RefusedError(ValueError):
    """Raised by a validator: ``path`` from the part being read to what does not fit, and the reason in plain words."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


@dataclass(frozen=True)
class Complaint:
    """One thing that does not fit: the path to it, and what is wrong and would be accepted."""

    path: Path
    reason: str


class Part(BaseModel):
    """A frozen part of a sweep. Each field's description says what it accepts, as errors quote it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    def plain(self, exclude: set[str] | None = None) -> dict[str, Any]:
        """Return the part as plain values, in the form of the file, that JSON keeps."""
        return self.model_dump(mode="json", by_alias=True, exclude=exclude)

    @model_validator(mode="before")
    @classmethod
    def _has_its_keys(cls, value: Any) -> Any:
        if isinstance(value, cls):
            return value
        if not isinstance(value, dict):
            raise RefusedError((), f"expected keys and values, got {show(value)}")
        fields = {field.alias or name: field for name, field in cls.model_fields.items()}
        for key in value:
            if key not in fields:
                raise RefusedError((key,), unknown_key(str(key), fields))
        for key, field in fields.items():
            if field.is_required() and key not in value:
                raise RefusedError((key,), f"is missing; expected {field.description}")
        return value

    @field_validator("*", mode="wrap")
    @classmethod
    def _in_plain_words(cls, value: Any, read: Callable[[Any], Any], info: ValidationInfo) -> Any:
        try:
            return read(value)
        except ValidationError as error:
            if all(_refused(found) for found in error.errors()):
                raise
            expected = cls.model_fields[info.field_name or ""].description
            most = [
                f" and at most {found['ctx']['le']}" for found in error.errors() if found["type"] == "less_than_equal"
            ]
            raise RefusedError((), f"expected {expected}{''.join(most)}, got {show(value)}") from None


def complaints(error: ValidationError) -> list[Complaint]:
    """Return everything that ``error`` found, in the order of the schema."""
    return [_complaint(found) for found in error.errors()]


def within(path: Path, read: Callable[[Any], _T], value: Any) -> _T:
    """Return ``read(value)``; whatever it refuses is refused at ``path``."""
    try:
        return read(value)
    except RefusedError as error:
        raise RefusedError((*path, *error.path), error.reason) from None


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Return the reason why ``key`` is refused, with the nearest of the ``known`` ones."""
    known = list(known)
    near = difflib.get_close_matches(key, known, n=1)
    return f"unknown key; {f'did you mean {near[0]}? ' if near else ''}known here: {', '.join(known)}"


def _refused(found: Any) -> RefusedError | None:
    error = found.get("ctx", {}).get("error")
    return error if isinstance(error, RefusedError) else None


def _complaint(found: Any) -> Complaint:
    refused = _refused(found)
    if refused is None:
        return Complaint(found["loc"], found["msg"])
    return Complaint((*found["loc"], *refused.path), refused.reason)

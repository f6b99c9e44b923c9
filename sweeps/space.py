"""What a search may vary: a range of whole numbers, a range of numbers, or a choice, for each key of the recipe."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from distiller.recipe import Recipe, RecipeError
from sweeps.error import Path, show
from sweeps.part import Part, RefusedError, complaints
from sweeps.recipe_keys import check_key

__all__ = ["Choice", "Dimension", "FloatRange", "IntRange", "Listed", "check_space", "read_dimension", "value_in"]

Listed = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
"""Read a list into a tuple; a strict schema takes nothing else for one."""


_ROUNDING = 1e-8  # of a step, as Optuna has it


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("not finite")
    return value


_Finite = Annotated[float, AfterValidator(_finite)]


class _Range(Part):
    """What the two kinds of range share."""

    log: bool = Field(default=False, description="true or false")

    def _check(self, kind: str, low: float, high: float, step: float | None) -> None:
        """Raise `RefusedError` for a range that is upside down, a logarithm of nothing positive, or a step that does not fit."""
        if low > high:
            raise RefusedError((kind,), f"is upside down; expected [{high}, {low}], got [{low}, {high}]")
        if self.log and low <= 0:
            raise RefusedError((kind,), f"expected a range above 0 beside log: true, got [{low}, {high}]")
        if self.log and step is not None:
            raise RefusedError(("step",), "cannot go with log: true; expected one of the two")
        if step is not None and step > high - low:
            raise RefusedError(("step",), f"expected a step within the range [{low}, {high}], got {step}")


class IntRange(_Range):
    """Whole numbers from ``low`` to ``high``, both included; ``log``: uniform in the logarithm."""

    between: Annotated[tuple[int, int], Listed] = Field(alias="int", description="[LOW, HIGH], two whole numbers")
    step: Annotated[int, Field(ge=1)] | None = Field(default=None, description="a whole number of at least 1")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._check("int", self.low, self.high, self.step)
        return self

    @property
    def low(self) -> int:
        """Least value."""
        return self.between[0]

    @property
    def high(self) -> int:
        """Largest value."""
        return self.between[1]


class FloatRange(_Range):
    """Numbers from ``low`` to ``high``; ``log``: uniform in the logarithm."""

    between: Annotated[tuple[_Finite, _Finite], Listed] = Field(alias="float", description="[LOW, HIGH], two numbers")
    step: Annotated[_Finite, Field(gt=0)] | None = Field(default=None, description="a number above 0")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._check("float", self.low, self.high, self.step)
        return self

    @property
    def low(self) -> float:
        """Least value."""
        return self.between[0]

    @property
    def high(self) -> float:
        """Largest value."""
        return self.between[1]


class Choice(Part):
    """One of several values: anything that the recipe accepts at this key, lists and keys with values too."""

    values: Annotated[tuple[Any, ...], Listed, Field(min_length=1)] = Field(
        alias="choice", description="a list of at least one value"
    )


Dimension = IntRange | FloatRange | Choice

_KINDS: dict[str, type[Dimension]] = {"int": IntRange, "float": FloatRange, "choice": Choice}
_FORMS = "{int: [LOW, HIGH]}, {float: [LOW, HIGH]} or {choice: [...]}"


def read_dimension(given: object) -> Dimension:
    """Read one dimension from plain values. Raises `RefusedError`."""
    if isinstance(given, Dimension):
        return given
    kinds = [kind for kind in _KINDS if isinstance(given, Mapping) and kind in given]
    if len(kinds) != 1:
        raise RefusedError((), f"expected {_FORMS}, got {show(given)}")
    try:
        return _KINDS[kinds[0]].model_validate(given)
    except ValidationError as error:
        found = complaints(error)[0]
        raise RefusedError(found.path, found.reason) from None


def value_in(dimension: Dimension, given: Any) -> Any:
    """Return ``given`` as a value of the dimension. Raises `RefusedError` where it is none."""
    if isinstance(dimension, Choice):
        found = [value for value in dimension.values if type(value) is type(given) and value == given]
        if not found:
            raise RefusedError((), f"expected one of {show(list(dimension.values))}, got {show(given)}")
        return found[0]
    whole = isinstance(dimension, IntRange)
    fits = type(given) is int or (type(given) is float and not whole)
    if not (fits and dimension.low <= given <= dimension.high):
        kind = "a whole number" if whole else "a number"
        raise RefusedError((), f"expected {kind} of {[dimension.low, dimension.high]}, got {show(given)}")
    steps = 0.0 if dimension.step is None else (given - dimension.low) / dimension.step
    if abs(steps - round(steps)) > _ROUNDING:
        raise RefusedError((), f"expected {dimension.low} and so many steps of {dimension.step}, got {show(given)}")
    return given if whole else float(given)


def check_space(space: Mapping[str, Dimension], recipe: Recipe) -> None:
    """Raise `RefusedError` unless every key may be searched and ``recipe`` accepts every bound and choice at it."""
    for key, dimension in space.items():
        check_key(key)
        seen: list[object] = []
        for path, value in _bounds(dimension):
            try:
                accepted = getattr(Recipe.parse({**recipe.plain(), key: value}), key)
            except RecipeError as error:
                inner = ".".join(error.key[1:])
                raise RefusedError((key, *path), f"{inner}: {error.reason}" if inner else error.reason) from None
            if isinstance(dimension, Choice) and accepted in seen:
                raise RefusedError((key, *path), f"is given twice: {show(value)}; expected different values")
            seen.append(accepted)


def _bounds(dimension: Dimension) -> Iterator[tuple[Path, Any]]:
    """Yield the values that stand for all the others, each with its path inside the dimension."""
    kind = next(kind for kind, model in _KINDS.items() if isinstance(dimension, model))
    values = dimension.values if isinstance(dimension, Choice) else dimension.between
    for index, value in enumerate(values):
        yield (kind, index), value

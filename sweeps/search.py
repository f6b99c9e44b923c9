"""The search of a sweep: what varies, which sampler chooses, and what that sampler cannot do."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, ValidationInfo, field_serializer, field_validator, model_validator

from sweeps.error import show
from sweeps.grid import grid_size, grid_values
from sweeps.part import Part, RefusedError, within
from sweeps.rising import Rising
from sweeps.space import Choice, Dimension, Listed, read_dimension
from sweeps.warm_start import WarmStart, read_enqueued

__all__ = ["OBJECTIVES", "SAMPLERS", "ObjectiveName", "SamplerName", "Search"]

_MOST = 2**31 - 1
_MOST_POINTS = 100_000  # of a grid, whose order is drawn at the start
_Count = Annotated[int, Field(ge=1, le=_MOST)]
_COUNT = "a whole number of at least 1"
_Hours = Annotated[float, Field(gt=0, le=1e9)]
_HOURS = "a number of hours above 0"

SamplerName = Literal["tpe", "random", "qmc", "gp", "nsga2", "cma_es", "grid"]
"""Optuna's samplers by their short names."""
SAMPLERS: tuple[str, ...] = get_args(SamplerName)

_LEARNS_NOTHING = ("random", "qmc", "grid")

ObjectiveName = Literal["accuracy", "examples", "operations"]
"""What a search optimises: accuracy is to be large; distilled examples, and operations of training on them, are to be few."""
OBJECTIVES: tuple[str, ...] = get_args(ObjectiveName)


class Search(Part):
    """Optuna's search: trial n sees the results of trials up to n - ``lag``."""

    trials: _Count = Field(description=_COUNT)
    hours: _Hours | None = Field(default=None, description=_HOURS)
    """Time on the clock, over all drivers, after which nothing more is asked."""
    device_hours: _Hours | None = Field(default=None, description=_HOURS)
    """Time of devices, over all tasks of the search, after which nothing more is asked."""
    sampler: SamplerName = Field(default="tpe", description=f"one of {', '.join(SAMPLERS)}")
    lag: _Count = Field(default=8, description=_COUNT)
    objectives: Annotated[tuple[ObjectiveName, ...], Listed] = Field(
        default=("accuracy",), description="[accuracy], or accuracy and then examples, operations or both"
    )
    rungs: Annotated[tuple[_Count, ...], Listed, Rising] = Field(
        default=(), description="a list of rising whole numbers above 0"
    )
    """Outer steps at which distillations are compared, and those that are behind end."""
    reduction: Annotated[int, Field(ge=2, le=_MOST)] = Field(default=3, description="a whole number of at least 2")
    """One in so many goes on past a rung."""
    rung_inits: _Count = Field(default=5, description=_COUNT)
    """Networks that measure a set at a rung."""
    space: dict[str, Dimension] = Field(description="a recipe's key with what it may be, such as steps: {int: [1, 20]}")

    # After the space, which they are checked against.
    enqueue: Annotated[tuple[dict[str, Any], ...], Listed] = Field(
        default=(), description="a list of keys of the space with values, such as [{steps: 3}]"
    )
    """Recipes that are tried first; what they leave open the sampler fills in."""
    warm_start: WarmStart | None = Field(default=None, description="storage: and study:, or run: FOLDER")

    @field_serializer("space")
    def _plain_space(self, space: dict[str, Dimension]) -> dict[str, Any]:
        return {key: dimension.plain() for key, dimension in space.items()}

    @field_validator("space", mode="plain")
    @classmethod
    def _dimensions(cls, given: Any) -> dict[str, Dimension]:
        """Read the dimensions in the order of their names, so that the order in the file decides nothing."""
        if not isinstance(given, dict) or not given:
            raise RefusedError((), f"expected {cls.model_fields['space'].description}, got {show(given)}")
        return {key: within((key,), read_dimension, given[key]) for key in sorted(given)}

    @field_validator("objectives")
    @classmethod
    def _accuracy_and_costs(cls, names: tuple[ObjectiveName, ...]) -> tuple[ObjectiveName, ...]:
        if names[:1] != ("accuracy",) or len(set(names)) < len(names):
            raise RefusedError((), f"expected {cls.model_fields['objectives'].description}, got {show(list(names))}")
        return names

    @field_validator("enqueue")
    @classmethod
    def _in_the_space(cls, given: tuple[dict[str, Any], ...], info: ValidationInfo) -> tuple[dict[str, Any], ...]:
        return read_enqueued(given, info.data.get("space", {}))

    @model_validator(mode="after")
    def _start_fits(self) -> Self:
        if len(self.enqueue) > self.trials:
            raise RefusedError(("enqueue",), f"expected at most {self.trials}, one a trial, got {len(self.enqueue)}")
        if self.enqueue and self.sampler == "grid":
            raise RefusedError(
                ("enqueue",), "has no place in a grid, which tries every point; expected it to be left out"
            )
        if self.warm_start and self.sampler in _LEARNS_NOTHING:
            raise RefusedError(("warm_start",), f"{self.sampler} learns nothing from trials; expected another sampler")
        return self

    @model_validator(mode="after")
    def _sampler_fits(self) -> Self:
        if self.sampler == "grid":
            self._check_grid()
        if self.sampler == "cma_es":
            self._check_cma_es()
            if len(self.objectives) > 1:
                raise RefusedError(("sampler",), "cma_es has one objective; expected tpe or nsga2 for several")
        return self

    def _check_grid(self) -> None:
        """Every dimension has values that can be counted, and there are trials for them and no more."""
        space = {key: dimension.plain() for key, dimension in self.space.items()}
        for key, dimension in space.items():
            try:
                grid_values(dimension)
            except ValueError as error:
                raise RefusedError(("space", key), f"{error}; the sampler is grid") from None
        points = grid_size(space)
        if points > _MOST_POINTS:
            raise RefusedError(("space",), f"is a grid of {points} points; expected at most {_MOST_POINTS}")
        if self.trials > points:
            raise RefusedError(("trials",), f"expected at most {points}, the points of the grid, got {self.trials}")

    def _check_cma_es(self) -> None:
        for key, dimension in self.space.items():
            if isinstance(dimension, Choice):
                raise RefusedError(
                    ("space", key), "is a choice, and cma_es varies numbers alone; expected a range, or tpe"
                )
        if sum(d.low < d.high for d in self.space.values() if not isinstance(d, Choice)) < 2:
            raise RefusedError(("sampler",), "cma_es varies two ranges or more at once; expected these, or tpe")

"""A sweep: what to distil, what to search, how to evaluate, as a frozen value.

Everything that decides its results is hashed by `Sweep.digest`; its name, its speed and how far it goes are not.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from distiller.recipe import Recipe, RecipeError
from sweeps.error import Path, Place, SweepError
from sweeps.hurdles import check_hurdles
from sweeps.part import Part, RefusedError, complaints, within
from sweeps.recipe_keys import ELSEWHERE, read_recipe
from sweeps.schema import (
    BASELINES,
    BaselineName,
    Cost,
    Different,
    Evaluate,
    FullData,
    Published,
    Resources,
    Tuning,
)
from sweeps.search import Search
from sweeps.space import Dimension, Listed, check_space

__all__ = ["Sweep", "build"]


class Sweep(Part):
    """One sweep, read and checked.

    Its recipe is settled, with ``seed``, ``validation`` and ``device`` filled in from the rest of the sweep. Only where the
    search varies the network is an automatic ``backend`` left to each trial, for it depends on the network.
    """

    name: Annotated[str, Field(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\z")] = Field(
        description="a letter or digit, then letters, digits, '-', '_' or '.' (left out: the file's name)"
    )
    about: str = Field(default="", description="text")
    published: Published | None = Field(default=None, description="keys and values")
    cost: Cost | None = Field(default=None, description="keys and values")
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = Field(default=1, description="a whole number of at least 0")
    search: Search | None = Field(default=None, description="keys and values")
    evaluate: Evaluate = Field(description="at least validation: EXAMPLES and inits: NETWORKS")
    distil: bool = Field(default=True, description="true or false")
    """False: nothing is distilled but for the baselines, which are those of the recipe itself."""
    baselines: Annotated[tuple[BaselineName, ...], Listed, Different] = Field(
        default=(), description=f"a list of different names out of {', '.join(BASELINES)}"
    )
    tuning: Tuning = Field(default=Tuning(), description="keys and values")
    full_data: FullData | None = Field(default=None, description="keys and values")
    resources: Resources = Field(default=Resources(), description="keys and values")
    # The last, for it is filled in from those above.
    recipe: Recipe = Field(description="at least data: NAME and network: NAME")

    @field_validator("recipe", mode="plain")
    @classmethod
    def _recipe(cls, given: Any, info: ValidationInfo) -> Recipe:
        # Parts that do not fit are missing here and make complaints of their own.
        seed, evaluate = info.data.get("seed", 1), info.data.get("evaluate")
        resources, search = info.data.get("resources", Resources()), info.data.get("search")
        recipe = read_recipe(
            given,
            {
                "seed": seed,
                "validation": evaluate.validation if evaluate else 0,
                "device": "cuda" if resources.gpus > 0 else "cpu",
            },
        )
        return _settle(recipe, search.space if search else {})

    @model_validator(mode="after")
    def _has_work(self) -> Self:
        if not self.distil and self.search is not None:
            raise RefusedError(("search",), "has nothing to search beside distil: false; expected it to be left out")
        if not (self.distil or self.baselines or self.full_data):
            raise RefusedError(("distil",), "false leaves nothing to do without baselines: or full_data:")
        return self

    @property
    def trials(self) -> int:
        """Trials that are asked for: the search's, one where nothing is searched, none where nothing is distilled."""
        return (self.search.trials if self.search else 1) if self.distil else 0

    @model_validator(mode="after")
    def _space_fits(self) -> Self:
        if self.search:
            within(("search", "space"), lambda space: check_space(space, self.recipe), self.search.space)
            check_hurdles(self.search, self.evaluate, self.recipe)
        return self

    @model_validator(mode="after")
    def _baselines_fit(self) -> Self:
        if self.recipe.method != "unrolled" and "learned_labels" in self.baselines:
            raise RefusedError(("baselines",), f"learned_labels is what method {self.recipe.method} does; leave it out")
        if self.recipe.base is not None and self.baselines:
            raise RefusedError(("baselines",), "are of the recipe's own data, and its base is not; leave them out")
        return self

    @model_validator(mode="after")
    def _workers_have_work(self) -> Self:
        """A trial whose recipe has fewer chunks than another's uses fewer workers; where all have too few, that is a mistake."""
        workers, varied = self.resources.workers, set(self.search.space if self.search else ())
        if workers > 1 and self.recipe.method != "unrolled" and "method" not in varied:
            reason = f"method {self.recipe.method} learns beside one network at a time; leave it out"
            raise RefusedError(("resources", "workers"), reason)
        if workers > self.recipe.chunks_per_step and not varied & _OF_CHUNKS:
            reason = (
                f"{workers} for {self.recipe.inits_per_step} networks an outer step, which recipe.chunk has computed "
                f"{self.recipe.chunk} at once; expected at most {self.recipe.chunks_per_step}, or another recipe.chunk"
            )
            raise RefusedError(("resources", "workers"), reason)
        return self

    @model_validator(mode="after")
    def _full_data_are_one(self) -> Self:
        varied = self.search.space if self.full_data and self.search else {}
        for key, one in (("data", "data set"), ("init_scheme", "initialisation scheme")):
            if key in varied:
                raise RefusedError(
                    ("full_data",), f"is of one {one}, and search.space varies {key}; take one of them out"
                )
        return self

    @classmethod
    def thaw(cls, frozen: Mapping[str, Any]) -> Sweep:
        """Read what `frozen` gave, by this version or an earlier one. Raises `SweepError` for anything else."""
        place = Place("frozen sweep")
        recipe = frozen.get("recipe") if isinstance(frozen, Mapping) else None
        if not isinstance(recipe, Mapping):
            raise SweepError(place, ("recipe",), "is missing; expected a sweep as it was frozen")
        given = {key: value for key, value in recipe.items() if key not in ELSEWHERE}
        sweep = build({**frozen, "recipe": given}, lambda _: place)
        filled = sweep.recipe.plain()
        for key in ELSEWHERE:
            if recipe.get(key, filled[key]) != filled[key]:
                raise SweepError(place, ("recipe", key), f"expected {filled[key]!r}, as the rest of the sweep says")
        return sweep

    def frozen(self) -> dict[str, Any]:
        """Return the whole sweep as plain values that JSON keeps and `thaw` reads back."""
        return self.plain(exclude={"recipe"}) | {"recipe": self.recipe.plain()}

    def digest(self) -> str:
        """Return the SHA-256, in hexadecimal, of all that decides results.

        Left out are name, about, published and cost, which are for people; resources, which decide speed alone (the device is
        a part of the recipe); and the budget, for trial n is the same however many follow it.
        """
        deciding = {key: value for key, value in self.frozen().items() if key not in _NOT_DECIDING}
        for part, later in _LATER.items():
            if deciding[part]:
                # What a sweep does not say is not hashed either, so that runs from before there was such a key go on.
                said = {key: value for key, value in deciding[part].items() if key not in later or later[key] != value}
                deciding[part] = {key: value for key, value in said.items() if key not in _BUDGET}
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()

    def recipe_for(self, params: Mapping[str, Any]) -> Recipe:
        """Return the settled recipe of a trial: this sweep's, with the trial's ``params`` put in.

        Raises `SweepError` for a key that is no dimension of the search, or a value that the recipe does not accept.
        """
        space = self.search.space if self.search else {}
        place = Place(f"sweep {self.name}")
        for key in params:
            if key not in space:
                known = ", ".join(space) or "none"
                raise SweepError(place, (key,), f"is no dimension of the search; expected some of: {known}")
        try:
            return Recipe.parse({**self.recipe.plain(), **params}).settled()
        except RecipeError as error:
            raise SweepError(place, error.key, error.reason) from None

    def with_budget(
        self, trials: int | None = None, hours: float | None = None, device_hours: float | None = None
    ) -> Sweep:
        """Return the same sweep with a larger budget. Raises `SweepError` where there is no search, or for a smaller one."""
        place = Place(f"sweep {self.name}")
        given = {"trials": trials, "hours": hours, "device_hours": device_hours}
        larger = {key: value for key, value in given.items() if value is not None}
        if self.search is None:
            raise SweepError(place, ("search",), "is left out, so there is no budget to raise; the recipe runs once")
        for key, value in larger.items():
            has = getattr(self.search, key)
            if has is not None and value < has:
                raise SweepError(place, ("search", key), f"expected at least the {has} it has, got {value}")
        frozen = self.frozen()
        return Sweep.thaw({**frozen, "search": {**frozen["search"], **larger}})


_OF_CHUNKS = frozenset({"method", "inits_per_step", "chunk", "network", "backend"})
_NOT_DECIDING = frozenset({"name", "about", "published", "cost", "resources"})
_BUDGET = frozenset({"trials", "hours", "device_hours"})
_LATER: Mapping[str, Mapping[str, Any]] = {
    "search": {
        "objectives": ["accuracy"], "enqueue": [], "warm_start": None, "rungs": [], "reduction": 3, "rung_inits": 5,
    },
    "evaluate": {"risk": 0.05},
}  # fmt: skip
"""Keys that came later, with their defaults."""


def build(mapping: object, find: Callable[[Path], Place]) -> Sweep:
    """Read a sweep from plain values. Raises `SweepError` for what is wrong first in the file; ``find`` gives places."""
    try:
        return Sweep.model_validate(mapping)
    except ValidationError as error:
        found = [SweepError(find(each.path), each.path, each.reason) for each in complaints(error)]
        raise min(found, key=lambda each: each.place.line or 0) from None


def _settle(recipe: Recipe, space: Mapping[str, Dimension]) -> Recipe:
    """Settle all but what depends on a searched network, which each trial settles on its own."""
    settled = recipe.settled()
    if "network" not in space:
        return settled
    return dataclasses.replace(settled, backend=recipe.backend, chunk=recipe.chunk)

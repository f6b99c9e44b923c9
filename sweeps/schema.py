"""The parts of a sweep file beside its recipe and its search: the evaluation, the resources, the published figure, the cost."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from distiller.recipe import Recipe
from sweeps.part import Part, RefusedError
from sweeps.rising import Rising
from sweeps.space import Listed

__all__ = [
    "BASELINES", "BaselineName", "Cost", "Different", "Evaluate", "Final", "FullData", "Optimised", "Published", "Resources",
    "Tuning",
]  # fmt: skip

_MOST = 2**31 - 1  # counts are columns and loops, never larger
_Count = Annotated[int, Field(ge=1, le=_MOST)]
_COUNT = "a whole number of at least 1"
_NUMBERS = "a list of rising numbers"
_FIRST_LOOK, _LAST_LOOK = 5, 10_000  # of a race: fewer networks say too little, more take long to calibrate

BaselineName = Literal[
    "random_real", "optimised_real", "k_means", "average", "knn_random_real", "knn_k_means", "learned_labels"
]
"""What a distilled set can be held against: the six of Wang et al. 2018, and real examples whose labels alone are learned."""
BASELINES: tuple[str, ...] = get_args(BaselineName)


def _reservable(value: float) -> float:
    # Ray reserves parts of one processor or several whole ones.
    if not math.isfinite(value) or (value > 1 and value != int(value)):
        raise ValueError("not reservable")
    return value


def _different(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) != len(values):
        raise ValueError("given twice")
    return values


Different = AfterValidator(_different)
"""Refuse a tuple that names something twice."""
_Amount = Annotated[float, AfterValidator(_reservable)]


class Final(Part):
    """The last evaluation: the ``top`` trials, on fresh seeds and the test split, that the search never saw."""

    top: _Count = Field(default=1, description=_COUNT)
    inits: _Count = Field(default=200, description=_COUNT)
    runs: Annotated[int, Field(ge=0, le=_MOST)] = Field(default=0, description="a whole number of at least 0")
    """Distillation runs beyond the search's own."""
    networks: Annotated[tuple[str, ...], Listed, Field(min_length=1), Different] | None = Field(
        default=None, description="a list of different networks"
    )
    """Networks to train; `None` for the recipe's own."""


class Evaluate(Part):
    """How many networks are trained on each distilled set, and on what they are measured."""

    validation: _Count = Field(
        description=f"{_COUNT}, the examples cut from the training data, on which trials are compared"
    )
    inits: _Count | Annotated[tuple[_Count, ...], Listed, Field(min_length=1), Rising] = Field(
        description=f"{_COUNT}, or rising looks of a race, such as [10, 25, 50]"
    )
    risk: Annotated[float, Field(ge=0.005, le=0.5)] = Field(default=0.05, description="a number from 0.005 to 0.5")
    """Of the race: with which probability the best trial may be lost."""
    shard: _Count = Field(default=20, description=_COUNT)
    """Networks trained by one evaluation task."""
    final: Final = Field(default=Final(), description="keys and values")

    @property
    def looks(self) -> tuple[int, ...]:
        """After how many networks trials are compared; one that is not stopped has those of the last look."""
        return (self.inits,) if isinstance(self.inits, int) else self.inits

    @property
    def all_inits(self) -> int:
        """Networks of a trial that is not stopped."""
        return self.looks[-1]

    @model_validator(mode="after")
    def _looks_tell_something(self) -> Self:
        if len(self.looks) > 1 and (self.looks[0] < _FIRST_LOOK or self.looks[-1] > _LAST_LOOK):
            raise RefusedError(("inits",), f"expected looks from {_FIRST_LOOK} to {_LAST_LOOK}, got {list(self.looks)}")
        return self


class Optimised(Part):
    """How the best of many random sets are found: each is judged by networks of its own on a batch of training data."""

    sets: _Count = Field(default=50, description=_COUNT)
    keep: _Count = Field(default=10, description=_COUNT)
    """A fifth of them, as the papers have it."""
    inits: _Count = Field(default=20, description=_COUNT)
    """Networks that judge each set, the same for all; a fixed initialisation has only its own."""

    @model_validator(mode="after")
    def _keeps_some(self) -> Self:
        if self.keep > self.sets:
            raise RefusedError(("keep",), f"expected at most the {self.sets} sets that are judged, got {self.keep}")
        return self


class Tuning(Part):
    """How baselines are tuned on the validation split, over independent draws: the constant rate of those that train networks,
    the neighbours and the norm of those that train none."""

    rates: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Listed, Field(min_length=1), Rising] = Field(
        default=(0.001, 0.003, 0.01, 0.02, 0.03, 0.06, 0.1, 0.2, 0.3, 1.0),
        description=f"{_NUMBERS} above 0",
    )
    steps: Annotated[tuple[_Count, ...], Listed, Field(min_length=1), Rising] = Field(
        default=(10, 25, 75, 150, 300, 600, 1000), description="a list of rising whole numbers above 0"
    )
    """Of training, in place of rates, where labels alone are distilled."""
    neighbours: Annotated[tuple[_Count, ...], Listed, Field(min_length=1), Rising] = Field(
        default=(1, 3, 5), description="a list of rising whole numbers above 0"
    )
    norms: Annotated[tuple[Annotated[float, Field(ge=1)], ...], Listed, Field(min_length=1), Rising] = Field(
        default=(1.0, 2.0), description=f"{_NUMBERS} from 1"
    )
    """The p of the p-norms by which neighbours are near."""
    draws: _Count = Field(default=10, description=_COUNT)
    """As many as the papers' runs."""
    optimised: Optimised = Field(default=Optimised(), description="keys and values")


_OF_NETWORKS = (
    "data", "network", "init_scheme", "validation", "seed", "text", "threshold", "backend", "chunk", "real_chunk", "device",
    "dtype", "threads",
)  # fmt: skip
"""Keys of a recipe that say something of networks, whatever is distilled for them and how."""


class FullDecay(Part):
    """When the rate of training on all data falls, and to what share of it."""

    every: _Count = Field(description=_COUNT)
    """Passes."""
    factor: Annotated[float, Field(gt=0, le=1e9)] = Field(description="a number above 0")


class FullData(Part):
    """Training on all of the real data, as `distiller.pretrain` does: the reference that a distilled set is held against."""

    passes: _Count = Field(default=3, description=_COUNT)
    lr: Annotated[float, Field(gt=0, le=1e9)] = Field(default=0.002, description="a number above 0")
    decay: FullDecay | None = Field(default=None, description="every: PASSES and factor: NUMBER")
    batch: _Count = Field(default=128, description=_COUNT)
    inits: _Count = Field(default=10, description=_COUNT)
    """Networks, each drawn at random whatever the recipe's initialisation is."""

    def applied_to(self, recipe: Recipe) -> Recipe:
        """Return the recipe of networks that are trained on all of this one's data, less its validation examples."""
        how = {**self.plain(exclude={"inits"}), "data": recipe.data, "pool": self.inits}
        plain = recipe.plain()
        return Recipe.parse({key: plain[key] for key in _OF_NETWORKS} | {"pretrained": how}).settled()


class Resources(Part):
    """What one task reserves, how many tasks there are at once, `None` for as many as fit, and how long one is.

    Results do not depend on it.
    """

    cpus: Annotated[_Amount, Field(gt=0)] = Field(default=1.0, description="a number above 0, whole where above 1")
    gpus: Annotated[_Amount, Field(ge=0)] = Field(
        default=0.0, description="a number of at least 0, whole where above 1"
    )
    slots: _Count | None = Field(default=None, description=_COUNT)
    workers: _Count = Field(default=1, description=_COUNT)
    """Tasks that run together, each on its share of the networks of every outer step."""
    segment: _Count | None = Field(default=None, description=_COUNT)
    """Outer steps that one task does before it gives its state back; `None` for some fifteen seconds of them."""
    memory: _Count | None = Field(default=None, description=f"{_COUNT}, in MiB")
    """Memory that a task reserves, in MiB; `None` for none, and as many tasks on a node as its CPUs and GPUs hold."""
    timeout: Annotated[float, Field(gt=0, le=1e9)] | None = Field(
        default=None, description="a number above 0, in seconds"
    )
    """Seconds that one task may run; `None` for an hour, or 20 times the longest so far of its kind where that is more."""
    pending: _Count | None = Field(default=None, description=_COUNT)
    """Tasks in the cluster's queue beyond those that run, for its autoscaler to see; `None` for none that waits for nodes."""

    @model_validator(mode="after")
    def _slots_hold_a_gang(self) -> Self:
        if self.slots is not None and self.workers > self.slots:
            raise RefusedError(("workers",), f"expected at most the {self.slots} slots, got {self.workers}")
        return self


class Published(Part):
    """The figure that a sweep sets out to meet, and where it was published."""

    accuracy: str | None = Field(default=None, description="text in quotes, such as '82.75 ± 2.75'")
    """Of the distilled set; left out where the baselines' figures are all there is."""
    baselines: dict[BaselineName, str] = Field(
        default={}, description=f"names with text, such as random_real: '68.6 ± 9.8', out of {', '.join(BASELINES)}"
    )
    source: str = Field(description="text, such as a paper and its table")
    table: str = Field(default="", description="text, such as 'SLDD, Table 2'")
    """The paper's table or figure, under which `stillhouse sweeps` lists the sweep."""
    row: str = Field(default="", description="text, such as 'MNIST, fixed, 10 images'")
    """Which row of that table it is."""
    checked: bool = Field(default=True, description="true or false")
    """False where the figure is quoted from memory and was not compared with the paper."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.accuracy is None and not self.baselines:
            raise RefusedError(("accuracy",), "is missing; expected it, or baselines: with a figure for each")
        return self


class Cost(Part):
    """What a whole run of the sweep takes, as it was measured; for people, and for nothing else."""

    core_minutes: Annotated[float, Field(gt=0, le=1e9)] = Field(description="a number above 0")
    """Minutes of one CPU core, summed over the sweep's tasks."""
    memory: _Count = Field(description=f"{_COUNT}, in MiB")
    """Peak memory of one task, in MiB."""
    measured: Literal["run", "plan"] = Field(default="plan", description="run or plan")
    """``run``: on a whole run; ``plan``: from some outer steps, as `stillhouse plan` counts."""

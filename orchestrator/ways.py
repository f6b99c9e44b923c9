"""Ways to measure a distilled set that are not its own: another optimiser, another order, networks drawn by another scheme.

A set is distilled for one way, and how far it depends on that is a question of its own (the flexibility of Bohdal et al. 2020,
arXiv 2006.08572). Rows of different ways have different phases, ``extra/NAME``; what they were is in the rows' columns.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distiller.recipe import Recipe
from distiller.training import Training

if TYPE_CHECKING:
    from distiller.distilled import Distilled

__all__ = ["OWN_WAY", "Way", "described", "rates_of", "resolved", "way_of"]


@dataclass(frozen=True)
class Way:
    """How networks are drawn and trained where that is not the set's own way; `None` stands for the set's own.

    A scheme draws fresh networks, also for a set that was distilled for fixed ones. A training with an optimiser that has no
    ``lr`` is one whose rate is still to be tuned.
    """

    training: Training | None = None
    init_scheme: str | None = None

    @property
    def phase(self) -> str:
        """The phase of the rows: ``extra`` for the set's own way, else a name that no other way has."""
        columns = self.columns()
        if not any(columns.values()):
            return "extra"
        name = self.training.optimiser if self.training is not None else self.init_scheme
        digest = hashlib.sha256(json.dumps(columns, sort_keys=True).encode()).hexdigest()
        return f"extra/{name}-{digest[:8]}"

    @property
    def is_tuned(self) -> bool:
        """Whether its rate is known."""
        return self.training is None or self.training.optimiser == "learned" or self.training.lr is not None

    @property
    def rate(self) -> float | None:
        """Its constant rate; `None` for learned rates, and for the set's own way."""
        return self.training.lr if self.training is not None else None

    def at(self, rate: float) -> Way:
        """Return the same way with a constant rate."""
        assert self.training is not None
        return dataclasses.replace(self, training=dataclasses.replace(self.training, lr=rate))

    def columns(self) -> dict[str, str | None]:
        """Return the columns of a row that say which way it was, each null where it was the set's own."""
        training = None if self.training is None else _json(self.training)
        return {"training": training, "init_scheme": self.init_scheme}

    def arguments(self) -> dict[str, Any]:
        """Return what a task has to be told of it; nothing for the set's own way."""
        given = {} if self.training is None else {"training": self.training.plain()}
        return given if self.init_scheme is None else given | {"init_scheme": self.init_scheme}

    def set(self, distilled: Distilled) -> Distilled:
        """Return the set as one that is meant to be trained on in this way."""
        return distilled if self.training is None else dataclasses.replace(distilled, training=self.training)

    def recipe(self, recipe: Recipe) -> Recipe:
        """Return the recipe whose networks are drawn: the set's own, or one of fresh networks by the other scheme."""
        if self.init_scheme is None:
            return recipe
        return dataclasses.replace(recipe, init="random", init_scheme=self.init_scheme)  # type: ignore[arg-type]


OWN_WAY = Way()
"""The way that a set was distilled for."""


def resolved(own: Training, asked: Mapping[str, Any]) -> Training | None:
    """Return the set's ``own`` training with what is ``asked`` put in; `None` where that is the set's own.

    Another optimiser does not have the rate of the set's own one, and the learned rates need the set's own batches. Raises
    `TrainingError` for what does not go together.
    """
    kept = own.plain()
    if asked.get("optimiser", own.optimiser) != own.optimiser:
        kept.pop("lr", None)
    if asked.get("optimiser") == "learned":
        kept.pop("batch", None)
    if asked.get("batch") is not None:
        kept.pop("order", None)
    training = Training.parse({**kept, **asked})
    return None if training == own else training


def way_of(row: Mapping[str, Any]) -> Way:
    """Return the way that a row of evaluations says."""
    training = row.get("training")
    return Way(None if training is None else Training.parse(json.loads(training)), row.get("init_scheme"))


def rates_of(training: Training, rates: Sequence[float]) -> list[float]:
    """Return the constant rates to try, out of those for gradient descent: Adam's, with ridge too, are a tenth of them."""
    return [rate / 10 for rate in rates] if training.optimiser in ("adam", "ridge") else list(rates)


def described(training: str | None, init_scheme: str | None) -> str:
    """Say a way in a few words, from the columns of its rows."""
    words = ["the set's own way"] if training is None else _words(Training.parse(json.loads(training)))
    return ", ".join(words + ([f"fresh {init_scheme}"] if init_scheme is not None else []))


def _words(training: Training) -> list[str]:
    name = "learned rates" if training.optimiser == "learned" else training.optimiser
    words = [name if training.lr is None else f"{name} {training.lr:g}"]
    words += ["shuffled"] if training.order == "shuffled" else []
    words += [f"batch {training.batch}"] if training.batch is not None else []
    return words + ([f"{training.steps} steps"] if training.steps is not None else [])


def _json(training: Training) -> str:
    """Return what is not the default, and always the optimiser, so that there is something to be read."""
    return json.dumps({"optimiser": training.optimiser, **training.plain()}, sort_keys=True)

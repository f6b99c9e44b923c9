"""What a user asks of a distilled set beside its sweep: which networks, drawn how, trained how."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from distiller.distilled import Distilled
from distiller.recipe import InitScheme, Recipe
from distiller.trainer import check_training
from distiller.training import Training, TrainingError
from orchestrator.figures import count
from orchestrator.opening import RunError
from orchestrator.ways import Way, resolved

__all__ = ["Asked"]


@dataclass(frozen=True)
class Asked:
    """What a set is to be measured on: ``inits`` networks of each kind, drawn by each scheme, trained in each way.

    ``networks`` and ``init_schemes`` are those of the set where none are named; each of ``trainings`` holds what is not to be the
    set's own in it, by the names of `Training`'s fields.
    """

    inits: int = 200
    networks: Sequence[str] = ()
    init_schemes: Sequence[str] = ()
    trainings: Sequence[Mapping[str, Any]] = ({},)

    def ways(self, recipe: Recipe, distilled: Callable[[], Distilled]) -> list[Way]:
        """Return the ways for the set of ``recipe``; raises `RunError` for one that cannot be, named like its option."""
        for scheme in self.init_schemes:
            if scheme not in get_args(InitScheme):
                raise RunError(f"--init-scheme {scheme}: is none; expected one of {', '.join(get_args(InitScheme))}")
        own = (recipe.init, recipe.init_scheme)
        named = [None if ("random", scheme) == own else scheme for scheme in self.init_schemes]
        trainings = [_training(asked, distilled) if asked else None for asked in self.trainings]
        return list(dict.fromkeys(Way(training, scheme) for scheme in named or [None] for training in trainings))

    def said(self, networks: Sequence[str], ways: Sequence[Way], source: str) -> str:
        """Return the line that says what is being done."""
        each = " each" if len(networks) > 1 else ""
        several = f", in each of {len(ways)} ways," if len(ways) > 1 else ""
        tuning = "" if all(way.is_tuned for way in ways) else ", after tuning rates on validation"
        return f"training {count(self.inits, 'network')}{each} ({', '.join(networks)}){several} on {source}{tuning}"


def _training(asked: Mapping[str, Any], distilled: Callable[[], Distilled]) -> Training | None:
    try:
        found = distilled()
        training = resolved(found.training, asked)
        if training is not None:
            # A rate that is to be tuned is no fault.
            check_training(
                found, training if training.optimiser == "learned" else dataclasses.replace(training, lr=1.0)
            )
        return training
    except TrainingError as error:
        raise RunError(f"--{error}") from None

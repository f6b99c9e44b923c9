"""Ask Optuna for a trial's parameters such that they depend on nothing but (seed, lag, space, outcomes).

Trial n is asked when the outcomes of trials 0..n-L are known, and exactly those have been told, in order, whatever else has
become known by then; trials n-L+1..n-1 still run in the study's eyes. The sampler is made afresh for every trial and seeded
by the key (seed, "ask", n). So the worker count and the order of completion change no suggestion, and a study needs no file:
asking again with the same outcomes gives the same parameters.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import TrialState

from distiller.seeds import derive

__all__ = ["Outcome", "Search"]

_SAMPLERS: Mapping[str, Callable[[int], BaseSampler]] = {
    "tpe": lambda seed: TPESampler(seed=seed),
    "random": lambda seed: RandomSampler(seed=seed),
}


@dataclass(frozen=True)
class Outcome:
    """How a trial ended, for the sampler.

    ``complete`` has a finite ``value``, an accuracy to maximise. ``diverged`` is a result too: the worst there is, with
    ``value`` the accuracy of chance where the caller knows it and 0 where it does not. ``failed`` says nothing of the
    parameters, and the sampler leaves it out.
    """

    status: Literal["complete", "diverged", "failed"]
    value: float | None = None

    def __post_init__(self) -> None:
        if self.status == "complete" and self.value is None:
            raise ValueError("a complete trial has a value")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"the value of a trial is finite, got {self.value}; one that is not has diverged")


class Search:
    """An Optuna study in this process's memory, asked for trials 0, 1, 2, ...

    ``space`` maps a parameter to its dimension in plain form: ``{"int": [low, high]}`` and ``{"float": [low, high]}``, both
    ends included, with ``log`` and ``step`` where wanted, or ``{"choice": [...]}`` of any plain values. ``sampler`` is ``tpe``
    or ``random``. ``trials`` is how many may be asked; `None` sets no end.

    Raises `ValueError` for a sampler, a lag or a dimension that does not exist.
    """

    def __init__(
        self, space: Mapping[str, Mapping[str, Any]], sampler: str, seed: int, lag: int, trials: int | None = None
    ) -> None:
        if sampler not in _SAMPLERS:
            raise ValueError(f"unknown sampler {sampler!r}; known: {', '.join(_SAMPLERS)}")
        if lag < 1:
            raise ValueError(f"the lag is at least 1, got {lag}")
        self._dimensions = {name: _distribution(name, dimension) for name, dimension in space.items()}
        self._choices = {name: dimension["choice"] for name, dimension in space.items() if "choice" in dimension}
        self._sampler, self._seed, self._lag, self._trials = _SAMPLERS[sampler], seed, lag, trials
        self._study = _study(self._sampler(0))
        self._running: dict[int, optuna.Trial] = {}
        self._asked = 0
        self._told = 0

    def needed(self, n: int) -> range:
        """Return the trials whose outcomes `ask` of trial ``n`` wants."""
        return range(max(0, n - self._lag + 1))

    def ask(self, n: int, outcomes: Mapping[int, Outcome]) -> dict[str, Any]:
        """Return the parameters of trial ``n``, having told the study what `needed` names and nothing else.

        Raises `ValueError` when ``n`` is not the next trial, or when an outcome that it needs is missing.
        """
        if n != self._asked or n == self._trials:
            expected = "no more trials" if self._asked == self._trials else f"trial {self._asked} next"
            raise ValueError(f"trial {n} is asked out of order: expected {expected}")
        missing = [number for number in self.needed(n)[self._told :] if number not in outcomes]
        if missing:
            raise ValueError(f"trial {n} needs the outcome of trial {missing[0]}, which is not there")
        for number in self.needed(n)[self._told :]:
            self._tell(number, outcomes[number])
        self._study.sampler = self._sampler(derive(self._seed, "ask", n) % 2**32)
        trial = self._study.ask(self._dimensions)
        self._running[n] = trial
        self._asked += 1
        return {name: self._value(name, trial.params[name]) for name in self._dimensions}

    def _tell(self, number: int, outcome: Outcome) -> None:
        """Finish a trial; every one says whether it stayed finite, since TPE takes a missing constraint for a kept one."""
        trial = self._running.pop(number)
        self._told += 1
        trial.set_constraint("finite", 1.0 if outcome.status == "diverged" else 0.0)
        if outcome.status == "failed":
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, 0.0 if outcome.value is None else outcome.value)

    def _value(self, name: str, suggested: Any) -> Any:
        """Return the parameter that Optuna suggested; of a choice it knows the index only."""
        return copy.deepcopy(self._choices[name][suggested]) if name in self._choices else suggested


def _study(sampler: BaseSampler) -> optuna.Study:
    """Make a study that prunes nothing (the default is a median pruner) and logs no line a trial."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(direction="maximize", sampler=sampler, pruner=optuna.pruners.NopPruner())


def _distribution(name: str, dimension: Mapping[str, Any]) -> BaseDistribution:
    """Return a dimension as Optuna knows it; a choice by index, since Optuna takes neither lists nor mappings as choices."""
    log, step = bool(dimension.get("log", False)), dimension.get("step")
    match dimension:
        case {"int": [low, high]}:
            return IntDistribution(low, high, log=log, step=1 if step is None else step)
        case {"float": [low, high]}:
            return FloatDistribution(low, high, log=log, step=step)
        case {"choice": Sequence() as choices} if choices:
            return CategoricalDistribution(range(len(choices)))
    raise ValueError(f"{name}: expected a dimension such as {{int: [1, 20]}}, got {dict(dimension)}")

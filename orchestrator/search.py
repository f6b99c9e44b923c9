"""Ask Optuna for a trial's parameters such that they depend on nothing but (seed, lag, space, outcomes).

Trial n is asked when the outcomes of trials 0..n-L are known, and exactly those have been told, in order, whatever else has
become known by then; trials n-L+1..n-1 still run in the study's eyes. The sampler is made afresh for every trial and seeded
by the key (seed, "ask", n). So the worker count and the order of completion change no suggestion, and a study needs no file:
asking again with the same outcomes gives the same parameters.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from distiller.seeds import derive
from orchestrator.distributions import Space, distributions, inside, outside
from orchestrator.samplers import SAMPLERS, Seeds
from sweeps.grid import grid_point, grid_size

__all__ = ["Direction", "Known", "Outcome", "Search"]

Direction = Literal["maximize", "minimize"]


@dataclass(frozen=True)
class Outcome:
    """How a trial ended, for the sampler.

    ``complete`` and ``raced_out`` have finite ``values``, one for each objective: told as they are, a mean over fewer networks
    for the latter. ``pruned`` has ``reports``, the value at each rung (an outer step) that it reached. ``diverged`` is a result
    too: the worst there is, with ``values`` where the caller knows that of chance. ``failed`` says nothing of the parameters,
    and the sampler leaves it out.
    """

    status: Literal["complete", "raced_out", "pruned", "diverged", "failed"]
    values: tuple[float, ...] = ()
    reports: Mapping[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status in ("complete", "raced_out") and not self.values:
            raise ValueError(f"a trial that is {self.status} has a value for each objective")
        if self.status == "pruned" and not self.reports:
            raise ValueError("a pruned trial has a value at the rung where it ended")
        for value in (*self.values, *self.reports.values()):
            if not math.isfinite(value):
                raise ValueError(f"the value of a trial is finite, got {value}; one that is not has diverged")


@dataclass(frozen=True)
class Known:
    """A finished trial of another study: its parameters, each in the space, and a value for each objective."""

    params: Mapping[str, Any]
    values: tuple[float, ...]


class Search:
    """An Optuna study in this process's memory, asked for trials 0, 1, 2, ...

    ``space`` has the dimensions in plain form, ``sampler`` is one of `SAMPLERS`, ``directions`` are those of the objectives.
    ``trials`` is how many may be asked; `None` sets no end. The first trials are those of ``enqueue``, what they leave open
    being the sampler's to choose; ``known`` is told before the first.

    Raises `ValueError` for a sampler, a lag or a dimension that does not exist.
    """

    def __init__(
        self,
        space: Space,
        sampler: str,
        seed: int,
        lag: int,
        trials: int | None = None,
        directions: Sequence[Direction] = ("maximize",),
        enqueue: Sequence[Mapping[str, Any]] = (),
        known: Sequence[Known] = (),
    ) -> None:
        if sampler not in SAMPLERS:
            raise ValueError(f"unknown sampler {sampler!r}; known: {', '.join(SAMPLERS)}")
        if lag < 1:
            raise ValueError(f"the lag is at least 1, got {lag}")
        self._space, self._dimensions = space, distributions(space)
        self._sampler, self._seed, self._lag, self._trials = SAMPLERS[sampler], seed, lag, trials
        self._directions, self._enqueue = tuple(directions), tuple(enqueue)
        self._grid = _shuffled(grid_size(space), seed) if sampler == "grid" else []
        self._study = _study(self._directions)
        self._source = [self._frozen(each) for each in known]
        self._study.add_trials(self._source)
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
        seeds = Seeds(derive(self._seed, "ask", n) % 2**32, derive(self._seed, "ask") % 2**32)
        self._study.sampler = self._sampler.make(seeds, self._source)
        if given := self._given(n):
            self._study.enqueue_trial(inside(self._space, given))
        with self._sampler.asking():
            trial = self._study.ask(self._dimensions)
        self._running[n] = trial
        self._asked += 1
        return copy.deepcopy(outside(self._space, trial.params))

    def correct(self, n: int, params: Mapping[str, Any]) -> None:
        """Give trial ``n``, asked last, the parameters that it has in the rows: what it was proposed for once counts."""
        self._study.tell(self._running[n], state=TrialState.FAIL)
        self._study.enqueue_trial(inside(self._space, params))
        self._running[n] = self._study.ask(self._dimensions)

    def _given(self, n: int) -> Mapping[str, Any]:
        """Return the parameters of trial ``n`` that are not the sampler's to choose."""
        if n < len(self._enqueue):
            return self._enqueue[n]
        return grid_point(self._space, self._grid[n]) if self._grid else {}

    def _frozen(self, known: Known) -> FrozenTrial:
        """Return a trial of another study as one of this, of NSGA-II's first generation."""
        constraints = {"finite": 0.0} if self._sampler.constrained else None
        return create_trial(
            params=inside(self._space, known.params),
            distributions=self._dimensions,
            values=list(known.values),
            constraints=constraints,
            system_attrs={"NSGAIISampler:generation": 0},
        )

    def _tell(self, number: int, outcome: Outcome) -> None:
        """Finish a trial; every one says whether it stayed finite, since TPE takes a missing constraint for a kept one."""
        trial = self._running.pop(number)
        self._told += 1
        if self._sampler.constrained:
            trial.set_constraint("finite", 1.0 if outcome.status == "diverged" else 0.0)
        match outcome.status:
            case "failed":
                self._study.tell(trial, state=TrialState.FAIL)
            case "pruned":
                for rung, value in sorted(outcome.reports.items()):
                    trial.report(value, rung)
                self._study.tell(trial, state=TrialState.PRUNED)
            case "diverged":
                self._study.tell(trial, outcome.values or self._worst())
            case "complete" | "raced_out":
                # A mean over few networks is noisier, not worse: told as pruned it would rank behind all others.
                self._study.tell(trial, outcome.values)

    def _worst(self) -> list[float]:
        """Return an accuracy of 0, and of what is to be small the largest that was told."""
        told = [trial.values for trial in self._study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])]
        return [
            0.0 if direction == "maximize" else max((values[i] for values in told), default=0.0)
            for i, direction in enumerate(self._directions)
        ]


def _shuffled(size: int, seed: int) -> list[int]:
    """Return the numbers of a grid's points in an order of their own, so that a part of them is spread over the whole."""
    return sorted(range(size), key=lambda index: derive(seed, "grid", index))


def _study(directions: Sequence[Direction]) -> optuna.Study:
    """Make a study that prunes nothing (the default is a median pruner) and logs neither a line a trial nor how to be faster."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(directions=list(directions), pruner=optuna.pruners.NopPruner())

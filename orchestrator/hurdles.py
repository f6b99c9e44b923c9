"""What a trial has to pass to go on, frozen when it is asked: a value at each rung, and a rival at each look of the race."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from distiller.recipe import Recipe
from orchestrator.ledger import Ledger
from orchestrator.plan import looks_of
from orchestrator.racing import Race, Rival
from orchestrator.rungs import Rungs, rungs_below
from sweeps import Sweep

__all__ = ["NO_HURDLES", "HurdleMaker", "Hurdles"]


@dataclass(frozen=True)
class Hurdles:
    """``least`` holds the accuracy that a trial needs at each rung that it comes to; ``looks`` end with all initialisations."""

    least: Mapping[int, float] = field(default_factory=dict)
    looks: tuple[int, ...] = ()
    rival: Rival | None = None

    def next_rung(self, outer_step: int) -> int | None:
        """Return the first rung after ``outer_step``; `None` where there is none."""
        return min((rung for rung in self.least if rung > outer_step), default=None)


NO_HURDLES = Hurdles()
"""Those of a job that is no trial of a search."""


class HurdleMaker:
    """Makes the hurdles of a search's trials from those before; ask for them in the order of trials."""

    def __init__(self, sweep: Sweep, ledger: Ledger) -> None:
        self._sweep, search, evaluate = sweep, sweep.search, sweep.evaluate
        self._race = None if search is None else Race(evaluate.looks, evaluate.risk, search.lag, ledger)
        self._rungs = None if search is None else Rungs(search.rungs, search.reduction, search.lag, ledger)

    def hurdles(self, number: int, recipe: Recipe) -> Hurdles:
        """Return the hurdles of trial ``number``, of that recipe. Trials up to n - L have to be finished."""
        if self._race is None or self._rungs is None:
            return Hurdles(looks=looks_of(self._sweep, recipe)[-1:])
        least, looks = self._rungs.least(number), looks_of(self._sweep, recipe)
        rival = self._race.rival(number) if len(looks) > 1 else None
        # Where there is nobody to be compared with, nothing is waited for.
        reached = {rung: least[rung] for rung in rungs_below(list(least), recipe)}
        return Hurdles(reached, looks if rival else looks[-1:], rival)

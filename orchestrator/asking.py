"""Trials are asked in order, and one that is finished already is asked again, so that the search has seen what it had seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.hurdles import HurdleMaker
from orchestrator.params import params_of, params_row, space_of
from orchestrator.plan import search_job
from orchestrator.rung_phase import is_rung
from orchestrator.search import Outcome, Search
from orchestrator.trial_row import outcome_of
from orchestrator.under_way import UnderWay

__all__ = ["Asking"]


class Asking:
    """The questions to the search: trial n is asked once trials 0 .. n-L are finished, and sees just these."""

    def __init__(self, under_way: UnderWay, search: Search | None) -> None:
        self._under_way, self._search = under_way, search
        self._space, self._hurdles = space_of(under_way.sweep), HurdleMaker(under_way.sweep, under_way.ledger)
        self.outcomes = {number: self._outcome(row) for number, row in under_way.ledger.trials.items()}
        self.asked = 0
        self._begun = _begun(under_way) if under_way.budget.is_set else -1

    def ask(self) -> bool:
        """Begin the next trial if it may be asked; return whether one was begun."""
        sweep, ledger = self._under_way.sweep, self._under_way.ledger
        while self.asked < self._under_way.trials and self._may_ask(self.asked):
            number = self.asked
            if self._is_spent(number):
                return False
            params = {} if self._search is None else self._search.ask(number, self.outcomes)
            self.asked += 1
            if number in ledger.trials:
                self._compare(number, params)
                if ledger.trials[number]["status"] != "failed":
                    self._under_way.storage.drop_states(number)
            else:
                job = search_job(sweep, number, params)
                self._under_way.begin(job, params, self._hurdles.hurdles(number, job.recipe))
                return True
        return False

    def learn(self, row: Mapping[str, Any]) -> None:
        """Take in a trial that has just finished."""
        self.outcomes[row["trial"]] = self._outcome(row)

    def _outcome(self, row: Mapping[str, Any]) -> Outcome:
        return outcome_of(row, self._under_way.ledger, self._under_way.sweep)

    def _may_ask(self, number: int) -> bool:
        # Trials before number - lag were finished when the question before this one was asked.
        search = self._under_way.sweep.search
        lag = 1 if search is None else search.lag
        return number < lag or number - lag in self._under_way.ledger.trials

    def _is_spent(self, number: int) -> bool:
        """End the search before trial ``number`` where its time is spent; trial 0, and what a driver has begun, is asked."""
        under_way, key = self._under_way, self._under_way.budget.spent
        if key is None or number <= max(self._begun, 0):
            return False
        under_way.budget.end(number, key)
        under_way.finals[-1] = number
        under_way.events.say("budget_spent", key=key, trials=number)
        under_way.say(f"{key} is spent: no trial is asked after the {number} so far, which are finished")
        return True

    def _compare(self, number: int, params: Mapping[str, Any]) -> None:
        """A replayed question has the recorded answer, unless a library has changed, or a trial that it sees had failed then.

        The rows are then what counts.
        """
        recorded, asked = self._under_way.ledger.trials[number]["params"], params_row(self._space, params)
        if recorded != asked:
            self._under_way.events.say("replay_differs", trial=number, recorded=recorded, asked=asked)
            if self._search is not None:
                self._search.correct(number, params_of(self._space, recorded))


def _begun(under_way: UnderWay) -> int:
    """Return the largest number of a trial that any driver has left something of, -1 where there is none.

    Those that an earlier final chose from had been asked, though one that failed and is tried again has left nothing.
    """
    measured = (series[0] for series in under_way.ledger.accuracies if series[1] == "search" or is_rung(series[1]))
    earlier = (trials - 1 for trials in under_way.finals[:-1])
    return max([*under_way.ledger.trials, *measured, *under_way.storage.trials_with_states(), *earlier], default=-1)

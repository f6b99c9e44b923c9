"""The stages of a sweep: the search, then the final beside the tuning of baselines and their distillation, then the baselines."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from orchestrator.baseline_plan import baseline_jobs, judge_jobs, label_jobs, tune_jobs
from orchestrator.full_plan import full_jobs
from orchestrator.ledger import Ledger
from orchestrator.plan import Job, final_jobs
from orchestrator.under_way import UnderWay

__all__ = ["Stage", "Stages"]

Stage = Callable[[Ledger], Sequence[Job]]
"""What is to be done when all jobs of the stage before are done, by what they left."""


class Stages:
    """The stages after the search, each begun when nothing of the one before it is left to do."""

    def __init__(self, under_way: UnderWay) -> None:
        self._under_way = under_way
        # Twice, for the best of random sets are measured when all of them are judged.
        self._later = [("final", self._final), *[("baselines", self._baselines)] * 2]

    def only(self, stages: Sequence[Stage]) -> None:
        """Do nothing but the jobs of ``stages``, stage after stage, on finished trials: what a user asks for beside the sweep."""
        self._under_way.stage = "extra"
        self._later = [("extra", functools.partial(self._extra, stage)) for stage in stages]

    def open(self) -> None:
        """Say in the events which stage begins."""
        self._under_way.events.say("stage", stage=self._under_way.stage)

    def next(self) -> bool:
        """Begin the jobs of the next stage that has any; return false where all are done."""
        while self._later:
            self._under_way.stage, start = self._later.pop(0)
            self.open()
            start()
            if self._under_way.works:
                return True
        self._under_way.stage = "done"
        return False

    def _final(self) -> None:
        about = (self._under_way.sweep, self._under_way.ledger, len(self._under_way.finals))
        for job in final_jobs(*about) + full_jobs(*about) + label_jobs(*about) + tune_jobs(*about):
            self._under_way.begin(job)

    def _baselines(self) -> None:
        about = (self._under_way.sweep, self._under_way.ledger, len(self._under_way.finals))
        given_up = [work.job for work in self._under_way.unfinished]
        for job in judge_jobs(*about) + baseline_jobs(*about):
            if job not in given_up:
                self._under_way.begin(job)

    def _extra(self, stage: Stage) -> None:
        for job in stage(self._under_way.ledger):
            self._under_way.begin(job)

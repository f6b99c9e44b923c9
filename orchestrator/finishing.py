"""The end of a job: a trial's row, what is committed, what is said of it, and whether to go on at all."""

from __future__ import annotations

import functools

from orchestrator.asking import Asking
from orchestrator.objectives import objectives_of
from orchestrator.params import space_of
from orchestrator.trial_row import trial_row
from orchestrator.under_way import UnderWay
from orchestrator.work import Work

__all__ = ["Finishing", "SweepFailed"]

_COMMIT_SECONDS = 1.0  # between commits of finished trials, each of which waits for the disk six times
_SAME_FAILURES = 3  # first trials that fail alike before the sweep is given up


class SweepFailed(RuntimeError):  # noqa: N818
    """Every trial fails in the same way; one line says how."""


class Finishing:
    """What is done with works that are over."""

    def __init__(self, under_way: UnderWay, asking: Asking) -> None:
        self._under_way, self._asking = under_way, asking
        self._space = space_of(under_way.sweep)
        self._ended = 0
        self._failed_alike: list[str] = []
        """Errors of the trials that this driver finished first, as long as all of them failed."""

    def finish(self, work: Work) -> None:
        """Take ``work`` out of what is under way, with a row if it is a trial. Raises `SweepFailed`."""
        under_way = self._under_way
        under_way.works.remove(work)
        self._record(work)
        if work.state is not None and work.failure is None:
            # Until its rows are committed, the state is what they can be made from again.
            under_way.records.when_committed(functools.partial(under_way.storage.drop_state, work.job))
        if work.state is not None or work.params is not None:
            under_way.records.flush(every=_COMMIT_SECONDS)
        under_way.events.say(
            "job_finished", trial=work.job.trial, run=work.job.run, stage=under_way.stage, diverged=work.diverged
        )
        self._say(work)
        self._give_up_if_hopeless(work)

    def _record(self, work: Work) -> None:
        under_way = self._under_way
        if work.params is not None:
            row = trial_row(work, under_way.ledger, self._space, objectives_of(under_way.sweep))
            under_way.records.append("trials", [row])
            under_way.ledger.add_trial(row)
            self._asking.learn(row)
        elif work.failure is not None:
            under_way.unfinished.append(work)
        elif work.diverged is not None:
            under_way.ledger.diverged.add((work.job.trial, work.job.run))

    def _say(self, work: Work) -> None:
        if work.failure is not None or work.diverged is not None:
            what = work.job.shards[0].phase if work.params is None else f"trial {work.job.trial}"
            reason = f"failed: {work.failure.message}" if work.failure else f"diverged: {work.diverged}"
            self._under_way.say(f"{what}, run {work.job.run}, {reason}")

    def _give_up_if_hopeless(self, work: Work) -> None:
        """Raise `SweepFailed` where the first trials of this driver all failed alike; a resume has as many tries again."""
        if work.params is None or len(self._failed_alike) != self._ended:
            return
        self._ended += 1
        self._failed_alike += [work.failure.message] if work.failure else []
        alike = len(self._failed_alike) == self._ended == min(_SAME_FAILURES, self._under_way.trials)
        if alike and len(set(self._failed_alike)) == 1:
            self._under_way.records.flush()
            raise SweepFailed(f"every trial so far failed alike: {self._failed_alike[0]}")

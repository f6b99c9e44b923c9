"""A sweep under way: what its driver knows and writes, and the jobs that it has begun."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from distiller.distill import State
from orchestrator.budget import Budget
from orchestrator.chunks import Chunks
from orchestrator.clock import Clock
from orchestrator.events import Events
from orchestrator.hurdles import NO_HURDLES, Hurdles
from orchestrator.ledger import Ledger
from orchestrator.pace import Pace
from orchestrator.plan import Job, unmeasured
from orchestrator.ready import Ready
from orchestrator.records import Records
from orchestrator.storage import Storage
from orchestrator.trained import TrainedNetworks
from orchestrator.work import Work
from sweeps import Sweep

__all__ = ["UnderWay"]


@dataclass
class UnderWay:
    """What the rooms of the driver's loop share. ``finals`` holds the trial budget of each final."""

    sweep: Sweep
    finals: list[int]
    storage: Storage
    records: Records
    ledger: Ledger
    events: Events
    say: Callable[[str], None]
    trained: TrainedNetworks
    pace: Pace
    clock: Clock
    budget: Budget
    ready: Ready
    stage: str = "search"
    works: list[Work] = field(default_factory=list)
    """Jobs that are begun and not over, the oldest first."""
    unfinished: list[Work] = field(default_factory=list)
    """Jobs of the final and the baselines that were given up; a resume tries them again."""
    chunks: Chunks = field(default_factory=Chunks)
    failed_attempts: Counter[str] = field(default_factory=Counter)
    """Attempts of this driver that failed, by class."""
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def trials(self) -> int:
        """The trial budget that is worked towards."""
        return self.finals[-1]

    def begin(self, job: Job, params: Mapping[str, Any] | None = None, hurdles: Hurdles = NO_HURDLES) -> None:
        """Begin what is left to do of ``job``; with ``params`` it is the trial that the search proposed, with its ``hurdles``."""
        missing, look = deque(unmeasured(job, self.ledger)), min(hurdles.looks, default=math.inf)
        workers = self.sweep.resources.workers
        about = (next(self._numbers), workers, params)
        work = Work(job, missing, self.trained, *about, clock=self.clock, hurdles=hurdles, look=look)
        work.chunks = self.chunks
        if job.distils:
            self._begin_distillation(work)
        diverged = job.distils and (job.trial, job.run) in self.ledger.diverged
        if params is None and (diverged or not (work.missing or work.state)):
            # Where the state is there still, its curve may not have been committed with the evaluations.
            return
        self.works.append(work)
        self.ready.wake(work)
        self.events.say("job_started", trial=job.trial, run=job.run, stage=self.stage)

    def _begin_distillation(self, work: Work) -> None:
        """Give ``work`` the set that is distilled already, or the newest state."""
        job = work.job
        work.state = self.storage.read_state(job)
        work.outer_step = 0 if work.state is None else State.from_bytes(work.state).outer_step
        if work.params is None and work.state is None:
            recorded = self.ledger.trials[job.trial]["distilled"] if job.run == 0 and job.trial >= 0 else None
            work.digest = recorded or self.ledger.distilled.get((job.trial, job.run))
            found = None if work.digest is None else self.storage.find_distilled(work.digest)
            if found is not None:
                work.distilled = found.to_bytes()
            elif work.digest is not None:
                # It is distilled again, to the same bits.
                self.events.say("distilled_set_gone", trial=job.trial, run=job.run, distilled=work.digest)
        work.logged = next(step for step in count() if not self.records.has("curves", (job.trial, job.run, step)))

"""The driver's loop: keep every slot busy, and turn what comes back into rows.

What runs next, by priority: shards of distilled sets, oldest job first; the next segment of a distillation; a new trial. No order
of completion changes a row: draws are keyed, trial n is asked once trials 0 .. n-L are finished and sees just these, and every
mean is taken in the order of initialisations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from orchestrator.asking import Asking
from orchestrator.budget import Budget
from orchestrator.clock import Clock
from orchestrator.events import Events
from orchestrator.executor import Call, Executor
from orchestrator.finishing import Finishing, SweepFailed
from orchestrator.ledger import EVALUATION_COLUMNS, Ledger
from orchestrator.pace import Pace
from orchestrator.ready import Ready
from orchestrator.records import Records
from orchestrator.room import NoRoom, Room
from orchestrator.search import Search
from orchestrator.stages import Stage, Stages
from orchestrator.storage import Storage
from orchestrator.taking import ClusterLost, EnvironmentBroken, take
from orchestrator.time_limit import TimeLimit
from orchestrator.trained import TrainedNetworks
from orchestrator.under_way import UnderWay
from orchestrator.verdicts import review
from orchestrator.watched import Watched
from sweeps import Sweep

__all__ = ["ClusterLost", "EnvironmentBroken", "NoRoom", "Schedule", "Stage", "SweepFailed"]

_TURN = 0.25
"""Seconds that a turn of the loop takes at most, where nothing ends."""


class Schedule:
    """A sweep under way. ``finals`` holds the trials of each final; the last is the one that is worked towards."""

    def __init__(
        self,
        sweep: Sweep,
        finals: Sequence[int],
        storage: Storage,
        records: Records,
        executor: Executor,
        search: Search | None,
        events: Events,
        say: Callable[[str], None] = lambda line: None,
        clock: Clock | None = None,
        budget: Budget | None = None,
    ) -> None:
        ledger = Ledger(records.each("trials"), records.each("evaluations", EVALUATION_COLUMNS))
        pace, trained = Pace(sweep.resources.segment), TrainedNetworks(storage)
        self.sweep, self.finals = sweep, list(finals)
        self._clock = clock = clock or Clock()
        self._budget = budget = budget or Budget(None, storage.folder, clock)
        self.storage, self.records = storage, records
        records.before_commits(storage.settle)
        self.executor = Watched(executor, TimeLimit(sweep.resources.timeout), clock)
        self._room = Room(storage.folder, self.executor, clock, events, say, waits=sweep.resources.pending is not None)
        self.ledger, self.events, self.pace, self._ready = ledger, events, pace, Ready(clock)
        about = (trained, pace, clock, budget, self._ready)
        self._under_way = UnderWay(sweep, self.finals, storage, records, ledger, events, say, *about)
        self.works, self.unfinished = self._under_way.works, self._under_way.unfinished
        self._asking, self._stages = Asking(self._under_way, search), Stages(self._under_way)
        self._finishing = Finishing(self._under_way, self._asking)

    @property
    def in_flight(self) -> int:
        """How many calls are with the executor."""
        return self.executor.in_flight

    @property
    def failed_attempts(self) -> Mapping[str, int]:
        """How many attempts of this driver failed, by class."""
        return self._under_way.failed_attempts

    @property
    def trials(self) -> int:
        """The number of trials that is worked towards; it falls where a time budget ends the search."""
        return self.finals[-1]

    @property
    def stage(self) -> str:
        """What is being done: search, final, baselines, extra, or done."""
        return self._under_way.stage

    @property
    def asked(self) -> int:
        """How many trials have been asked."""
        return self._asking.asked

    def only(self, stages: Sequence[Stage]) -> None:
        """Do nothing but the jobs of ``stages``, stage after stage, on finished trials: what a user asks for beside the sweep."""
        self._stages.only(stages)

    def drive(self, stop: Callable[[], bool], tick: Callable[[], None]) -> bool:
        """Work until all is done (true) or ``stop`` says so (false); ``tick`` is called at each turn.

        Raises `SweepFailed`, `ClusterLost`, `EnvironmentBroken`, `NoRoom`, or `OSError` where rows cannot be written; rows that
        were committed stay.
        """
        self._stages.open()
        self._budget.tick(False)
        while not stop():
            self._fill()
            self._room.check()
            if self.in_flight == 0 and any(work.is_waiting for work in self.works):
                self._clock.rest(_TURN)
            elif self.in_flight == 0:
                if not self._stages.next():
                    self.records.flush()
                    self._budget.close()
                    return True
                continue
            for completion in self.executor.wait(_TURN):
                work = take(self._under_way, completion)
                review(self._under_way, work)
                self._ready.wake(work)
                if work.is_over and work in self.works:
                    self._finishing.finish(work)
            self.records.tick()
            self._budget.tick(self.stage == "search")
            tick()
        self._budget.close()
        return False

    def _fill(self) -> None:
        while self.in_flight < self.executor.wanted:
            call = self._next_call()
            if call is None:
                return
            self.executor.submit(call)
            call.tag[0].running += 1

    def _next_call(self) -> Call | None:
        if self.in_flight == 0:
            self._ready.wake_all()
        call = self._ready.next_call(self.pace.segment)
        while call is None and self.stage == "search" and self._asking.ask():
            call = self._ready.next_call(self.pace.segment)
        return call

"""The driver's loop: keep every slot busy, and turn what comes back into rows.

What runs next, by priority: shards of distilled sets, oldest job first; the next segment of a distillation; a new trial. No order
of completion changes a row: draws are keyed, trial n is asked once trials 0 .. n-L are finished and sees just these, and every
mean is taken in the order of initialisations.
"""

from __future__ import annotations

import functools
import json
import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from distiller.distill import State
from distiller.distilled import Distilled
from orchestrator.baseline_plan import NEIGHBOURS, baseline_jobs, judge_jobs, label_jobs, tune_jobs
from orchestrator.events import Events
from orchestrator.executor import Call, Completion, Executor
from orchestrator.full_plan import full_jobs
from orchestrator.ledger import Ledger
from orchestrator.pace import Pace
from orchestrator.params import params_row, space_of
from orchestrator.plan import Job, final_jobs, search_job, unmeasured
from orchestrator.records import Records
from orchestrator.search import Outcome, Search
from orchestrator.storage import Storage
from orchestrator.trained import Networks, TrainedNetworks
from orchestrator.ways import Way
from orchestrator.work import Work
from sweeps import Sweep

__all__ = ["ClusterLost", "Schedule", "Stage", "SweepFailed"]

_SURPLUS = 2  # calls in flight above the slots, so that a worker never waits for the driver
_COMMIT_SECONDS = 1.0  # between commits of finished trials, each of which waits for the disk six times
_NO_ATTACK = dict.fromkeys(("overall_accuracy", "class_accuracies", "attack_share"))
_SAME_FAILURES = 3  # first trials that fail alike before the sweep is given up


Stage = Callable[[Ledger], Sequence[Job]]
"""What is to be done when all jobs of the stage before are done, by what they left."""


class SweepFailed(RuntimeError):  # noqa: N818
    """Every trial fails in the same way; one line says how."""


class ClusterLost(RuntimeError):  # noqa: N818
    """Ray is gone; what was committed stays, and a resume goes on."""


class Schedule:
    """A sweep under way. ``finals`` holds the trial budget of each final; the last is the one that is worked towards."""

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
    ) -> None:
        self.sweep, self.finals, self.trials = sweep, list(finals), finals[-1]
        self.storage, self.records, self.executor, self.search = storage, records, executor, search
        self.events, self.say = events, say
        self.ledger = Ledger(records.rows("trials"), records.rows("evaluations"))
        self.outcomes = {number: _outcome(row) for number, row in self.ledger.trials.items()}
        self.space = space_of(sweep)
        self.trained = TrainedNetworks(storage)
        self.pace = Pace(sweep.resources.segment)
        self.works: list[Work] = []
        self.stage = "search"
        self.asked = 0
        self.ended = 0
        self.failed_alike: list[str] = []
        """Errors of the trials that this driver finished first, as long as all of them failed."""
        self.in_flight = 0
        self.unfinished: list[Work] = []
        """Jobs of the final and the baselines that were given up; a resume tries them again."""
        # Twice, for the best of random sets are measured when all of them are judged.
        self._later = [("final", self._final_stage), *[("baselines", self._baseline_stage)] * 2]

    def drive(self, stop: Callable[[], bool], tick: Callable[[], None]) -> bool:
        """Work until all is done (true) or ``stop`` says so (false); ``tick`` is called at each turn.

        Raises `SweepFailed`, `ClusterLost`, or `OSError` where rows cannot be written; rows that were committed stay.
        """
        self._open()
        while not stop():
            self._fill()
            if self.in_flight == 0:
                if not self._next_stage():
                    self.records.flush()
                    return True
                continue
            for completion in self.executor.wait(0.25):
                self._take(completion)
            self.records.tick()
            tick()
        return False

    # What to run.

    def _fill(self) -> None:
        while self.in_flight < self.executor.slots + _SURPLUS:
            call = self._next_call()
            if call is None:
                return
            self.executor.submit(call)
            call.tag[0].running += 1
            self.in_flight += 1

    def _next_call(self) -> Call | None:
        for distilling in (False, True):
            for work in self.works:
                if work.is_distilling == distilling and (call := work.next_call(self.pace.segment)) is not None:
                    return call
        return self._next_call() if self._ask() else None

    def _ask(self) -> bool:
        """Start the next trial if it may be asked; return whether one was started."""
        while self.stage == "search" and self.asked < self.trials and self._may_ask(self.asked):
            number = self.asked
            params = {} if self.search is None else self.search.ask(number, self.outcomes)
            self.asked += 1
            if number in self.ledger.trials:
                self._compare(number, params)
                if self.ledger.trials[number]["status"] != "failed":
                    self.storage.drop_states(number)
            else:
                self._begin(search_job(self.sweep, number, params), params)
                return True
        return False

    def _may_ask(self, number: int) -> bool:
        # Trials before number - lag were finished when the question before this one was asked.
        lag = 1 if self.sweep.search is None else self.sweep.search.lag
        return number < lag or number - lag in self.ledger.trials

    def _compare(self, number: int, params: Mapping[str, Any]) -> None:
        """A replayed question has the recorded answer, unless a library has changed; the rows are then what counts."""
        recorded, asked = self.ledger.trials[number]["params"], params_row(self.space, params)
        if recorded != asked:
            self.events.say("replay_differs", trial=number, recorded=recorded, asked=asked)

    def _begin(self, job: Job, params: Mapping[str, Any] | None = None) -> None:
        work = Work(job, deque(unmeasured(job, self.ledger)), self.trained, params=params)
        if job.distils:
            self._begin_distillation(work)
        diverged = job.distils and (job.trial, job.run) in self.ledger.diverged
        if params is None and (diverged or not (work.missing or work.state)):
            # Where the state is there still, its curve may not have been committed with the evaluations.
            return
        self.works.append(work)
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

    def only(self, stages: Sequence[Stage]) -> None:
        """Do nothing but the jobs of ``stages``, stage after stage, on finished trials: what a user asks for beside the sweep."""
        self.stage = "extra"
        self._later = [("extra", functools.partial(self._extra_stage, stage)) for stage in stages]

    # Stages: the search, then the final beside the tuning of baselines and their distillation, then the baselines.

    def _open(self) -> None:
        self.events.say("stage", stage=self.stage)

    def _next_stage(self) -> bool:
        while self._later:
            self.stage, start = self._later.pop(0)
            self._open()
            start()
            if self.works:
                return True
        self.stage = "done"
        return False

    def _final_stage(self) -> None:
        about = (self.sweep, self.ledger, len(self.finals))
        for job in final_jobs(*about) + full_jobs(*about) + label_jobs(*about) + tune_jobs(*about):
            self._begin(job)

    def _baseline_stage(self) -> None:
        about = (self.sweep, self.ledger, len(self.finals))
        given_up = [work.job for work in self.unfinished]
        for job in judge_jobs(*about) + baseline_jobs(*about):
            if job not in given_up:
                self._begin(job)

    def _extra_stage(self, stage: Stage) -> None:
        for job in stage(self.ledger):
            self._begin(job)

    # What comes back.

    def _take(self, completion: Completion) -> None:
        work, what, inits = completion.call.tag
        work.running -= 1
        self.in_flight -= 1
        if completion.failure is not None:
            self._take_failure(work, completion)
        elif what is None:
            self._take_segment(work, completion.value)
        elif isinstance(what, Networks):
            self.trained.take(what, completion.value["files"])
            self.pace.learn_training(len(what.seeds), completion.value["seconds"])
            self.events.say("networks_trained", networks=len(what.seeds), seconds=completion.value["seconds"])
        else:
            self._take_shard(work, what, inits, completion.value)
        if work.is_over and work in self.works:
            self._finish(work)

    def _take_failure(self, work: Work, completion: Completion) -> None:
        failure = completion.failure
        assert failure is not None
        if failure.kind == "cluster":
            raise ClusterLost(f"the Ray cluster was lost: {failure.message}")
        again = work.fail(completion.call, failure)
        about = {"trial": work.job.trial, "run": work.job.run, "kind": failure.kind, "again": again}
        self.events.say("attempt_failed", **about, error=failure.message, traceback=failure.traceback)

    def _take_segment(self, work: Work, value: Mapping[str, Any]) -> None:
        # The state first, rows after: a crash between the two finds the rows' figures in the state's curve.
        self.storage.write_state(work.job, value["state"])
        self._log_curve(work, value)
        self.pace.learn(value["steps"], value["seconds"])
        work.distil_seconds = sum(value["curve"]["seconds"])
        work.state, work.outer_step, work.diverged = value["state"], value["outer_step"], value["diverged"]
        if value["distilled"] is not None:
            work.digest = self.storage.write_distilled(Distilled.from_bytes(value["distilled"]))
            work.distilled = value["distilled"]

    def _log_curve(self, work: Work, value: Mapping[str, Any]) -> None:
        curve = value["curve"]
        place: dict[str, Any] = {"trial": work.job.trial, "run": work.job.run, "validation": None}
        rows = [
            place | {"outer_step": step} | {name: _finite(values[step]) for name, values in curve.items()}
            for step in range(work.logged, len(curve["loss"]))
        ]
        self.records.append("curves", rows)
        work.logged = max(work.logged, len(curve["loss"]))
        work.latest = {name: values[-1] for name, values in curve.items() if values}

    def _take_shard(self, work: Work, shard: Any, inits: Sequence[int], value: Mapping[str, Any]) -> None:
        key = dict(zip(("trial", "phase", "run", "draw", "split", "network"), shard.series, strict=True))
        place = _NO_ATTACK | {name: value[name] for name in ("chunk", "device", "node")}
        place |= {"distilled": work.digest} | _setting(work.job, shard.way)
        rows = [
            key
            | place
            | result
            | {"init": init, "loss": _finite(result["loss"]), "seconds": value["seconds"] / len(inits)}
            for init, result in zip(inits, value["evaluations"], strict=True)
        ]
        self.records.append("evaluations", rows)
        self.ledger.add_evaluations(rows)
        if shard.network != NEIGHBOURS:
            self.pace.learn_networks(len(inits), value["seconds"])

    def _finish(self, work: Work) -> None:
        self.works.remove(work)
        if work.params is not None:
            row = self._trial_row(work)
            self.records.append("trials", [row])
            self.ledger.add_trial(row)
            self.outcomes[work.job.trial] = _outcome(row)
        elif work.failure is not None:
            self.unfinished.append(work)
        elif work.diverged is not None:
            self.ledger.diverged.add((work.job.trial, work.job.run))
        if work.state is not None and work.failure is None:
            # Until its rows are committed, the state is what they can be made from again.
            self.records.when_committed(functools.partial(self.storage.drop_state, work.job))
        if work.state is not None or work.params is not None:
            self.records.flush(every=_COMMIT_SECONDS)
        self.events.say(
            "job_finished", trial=work.job.trial, run=work.job.run, stage=self.stage, diverged=work.diverged
        )
        self._tell(work)
        self._give_up_if_hopeless(work)

    def _tell(self, work: Work) -> None:
        if work.failure is not None or work.diverged is not None:
            what = work.job.shards[0].phase if work.params is None else f"trial {work.job.trial}"
            reason = f"failed: {work.failure.message}" if work.failure else f"diverged: {work.diverged}"
            self.say(f"{what}, run {work.job.run}, {reason}")

    def _trial_row(self, work: Work) -> dict[str, Any]:
        series = work.job.shards[0].series
        accuracies = self.ledger.in_order(series)
        status = "failed" if work.failure else "diverged" if work.diverged else "complete"
        mean = statistics.fmean(accuracies) if status == "complete" else None
        sd = statistics.stdev(accuracies) if status == "complete" and len(accuracies) > 1 else None
        return {
            "trial": work.job.trial,
            "status": status,
            "cause": work.failure.kind if work.failure else "diverged" if work.diverged else None,
            "params": params_row(self.space, work.params or {}),
            "recipe": json.dumps(work.job.recipe.plain()),
            "objectives": None if mean is None else [mean],
            "inits": len(accuracies),
            "accuracy_mean": mean,
            "accuracy_sd": sd,
            "accuracy_se": None if sd is None else sd / math.sqrt(len(accuracies)),
            "distilled": work.digest,
            "outer_steps": work.outer_step,
            "seconds": time.monotonic() - work.began,
            "device_seconds": work.distil_seconds
            + sum(self.ledger.seconds[s] for s in {s.series for s in work.job.shards}),
            "attempts": work.attempts,
            "error": f"{work.failure.message}\n{work.failure.traceback}".strip() if work.failure else work.diverged,
        }

    def _give_up_if_hopeless(self, work: Work) -> None:
        """Raise `SweepFailed` where the first trials of this driver all failed alike; a resume has as many tries again."""
        if work.params is None or len(self.failed_alike) != self.ended:
            return
        self.ended += 1
        self.failed_alike += [work.failure.message] if work.failure else []
        alike = len(self.failed_alike) == self.ended == min(_SAME_FAILURES, self.trials)
        if alike and len(set(self.failed_alike)) == 1:
            self.records.flush()
            raise SweepFailed(f"every trial so far failed alike: {self.failed_alike[0]}")


def _outcome(row: Mapping[str, Any]) -> Outcome:
    """Return what the sampler is told of a finished trial."""
    return Outcome(row["status"], row["accuracy_mean"])


def _setting(job: Job, way: Way) -> dict[str, Any]:
    """Return the columns that say how a baseline was set, and how networks were trained; null for a distilled set's own way."""
    columns = {name: getattr(job.setting, name, None) for name in ("rate", "neighbours", "norm")}
    return columns | way.columns() | ({} if way.rate is None else {"rate": way.rate})


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None

"""The driver's loop against an executor that answers in any order, loses calls, and dies; the tasks are the real ones."""

import dataclasses
import random
from pathlib import Path

import pytest

from distiller.distill import State
from orchestrator.clock import Clock
from orchestrator.events import Events
from orchestrator.executor import Completion, Failure, InlineExecutor
from orchestrator.params import params_type, space_of
from orchestrator.publish import publish
from orchestrator.records import Records, read
from orchestrator.schedule import ClusterLost, EnvironmentBroken, Schedule, SweepFailed
from orchestrator.searching import search_of
from orchestrator.storage import Storage
from sweeps import Sweep, Tuning
from tests.orchestrator.tiny_sweep import SWEEP, rows


class Quick(Clock):
    """A clock that nobody waits for: resting moves it on."""

    def __init__(self):
        self.rested = 0.0

    def now(self):
        return super().now() + self.rested

    def rest(self, seconds):
        self.rested += seconds


class Unruly(InlineExecutor):
    """Runs calls in random order, and lets ``fail`` (ticket, call) put a failure in place of one."""

    def __init__(self, slots=1, seed=0, fail=lambda ticket, call: None):
        super().__init__(slots)
        self.random, self.fail, self.calls = random.Random(seed), fail, []

    def wait(self, timeout):
        if not self._queue:
            return []
        self._queue.rotate(self.random.randrange(len(self._queue)))
        ticket, call = self._queue[0]
        self.calls.append(call.function.split(":")[1])
        failure = self.fail(ticket, call)
        if failure is None:
            return super().wait(timeout)
        self._queue.popleft()
        return [Completion(ticket, call, failure=failure)]


def schedule(folder, executor, changes=None, finals=None):
    sweep = Sweep.model_validate(SWEEP | (changes or {}))
    finals = finals or [sweep.trials]
    folder.mkdir(exist_ok=True)
    records, search = Records(folder, params_type(space_of(sweep))), search_of(sweep, finals[-1])
    return Schedule(sweep, finals, Storage(folder), records, executor, search, Events(folder), clock=Quick())


def drive(folder, executor, changes=None, calls=10**6, finals=None):
    """Drive to the end, or until ``calls`` have been run; return the schedule."""
    made = schedule(folder, executor, changes, finals)
    done = made.drive(lambda: len(getattr(executor, "calls", ())) >= calls, lambda: None)
    assert done == (made.stage == "done")
    return made


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    drive(folder, InlineExecutor())
    return folder


def test_every_row_that_was_planned_is_there_once(undisturbed):
    found = rows(undisturbed)
    assert len(found["trials"]) == 4
    # 4 trials x 4; 2 trials x 2 runs x 5; each rate x 4 and 5 networks of the baseline.
    assert len(found["evaluations"]) == len(set(found["evaluations"])) == 16 + 20 + 4 * len(Tuning().rates) + 5
    # 4 trials and 2 more runs of 4 outer steps.
    assert len(found["curves"]) == 24
    assert len(found["distilled"]) == 6
    assert not list((undisturbed / "states").iterdir())


@pytest.mark.parametrize(("slots", "segment"), [(1, 1), (2, 3), (7, None)])
def test_slots_order_and_segments_change_no_row(undisturbed, tmp_path, slots, segment):
    drive(tmp_path / "run", Unruly(slots, seed=slots), {"resources": {"segment": segment}})
    assert rows(tmp_path / "run") == rows(undisturbed)


@pytest.mark.parametrize("seed", range(3))
def test_a_run_that_stops_anywhere_goes_on_to_the_same_rows(undisturbed, tmp_path, seed):
    folder, calls = tmp_path / "run", random.Random(seed)
    drives, done = 0, False
    while not done:
        # A new driver each time, that knows nothing but the files; its rows are flushed half of the time.
        stopped = drive(folder, Unruly(2, seed), {"resources": {"segment": 1}}, calls=calls.randrange(1, 12))
        if calls.random() < 0.5:
            stopped.records.flush()
        drives, done = drives + 1, stopped.stage == "done"
    assert drives > 3
    assert rows(folder) == rows(undisturbed)


def test_lost_calls_are_run_again_and_change_no_row(undisturbed, tmp_path):
    kinds = ["crash", "node", "lost", "memory"]

    def fail(ticket, call):
        return Failure(kinds[ticket % 4], "as told") if ticket % 3 == 0 and call.tag[0].attempts == 1 else None

    drive(tmp_path / "run", Unruly(2, fail=fail))
    expected, found = rows(undisturbed), rows(tmp_path / "run")
    # Attempts count what was charged; nothing else differs.
    assert [
        row.replace('"attempts": 2', '"attempts": 1').replace('"attempts": 3', '"attempts": 1')
        for row in found["trials"]
    ] == expected["trials"]
    assert found["evaluations"] == expected["evaluations"]


def test_a_trial_whose_attempts_are_spent_fails_and_the_sweep_goes_on(tmp_path):
    def fail(ticket, call):
        return Failure("crash", "worker died") if call.tag[0].job.trial == 1 else None

    made = drive(tmp_path / "run", Unruly(fail=fail))
    failed = made.ledger.trials[1]
    assert (failed["status"], failed["cause"], failed["error"], failed["attempts"]) == (
        "failed",
        "crash",
        "worker died",
        3,
    )
    assert [row["status"] for number, row in made.ledger.trials.items() if number != 1] == ["complete"] * 3
    assert {shard for shard in made.ledger.accuracies if shard[1] == "final"}


def test_a_node_that_is_lost_is_not_charged(tmp_path):
    lost = []

    def fail(ticket, call):
        if call.tag[0].job.trial == 0 and len(lost) < 20:
            lost.append(ticket)
            return Failure("node", "gone")
        return None

    made = drive(tmp_path / "run", Unruly(fail=fail))
    assert (made.ledger.trials[0]["status"], made.ledger.trials[0]["attempts"]) == ("complete", 1)


def test_a_sweep_of_which_every_trial_fails_alike_is_given_up(tmp_path):
    with pytest.raises(SweepFailed, match="every trial so far failed alike: ValueError: no"):
        drive(
            tmp_path / "run",
            Unruly(fail=lambda ticket, call: Failure("user", "ValueError: no")),
            {"search": SWEEP["search"] | {"trials": 9}},
        )
    assert len(rows(tmp_path / "run")["trials"]) == 3


def test_a_lost_cluster_ends_the_drive_and_keeps_what_was_committed(undisturbed, tmp_path):
    with pytest.raises(ClusterLost):
        drive(tmp_path / "run", Unruly(fail=lambda ticket, call: Failure("cluster", "gone") if ticket == 30 else None))
    drive(tmp_path / "run", InlineExecutor())
    assert rows(tmp_path / "run") == rows(undisturbed)


def test_a_worker_that_lacks_a_module_ends_the_drive_with_the_cure(tmp_path):
    def fail(ticket, call):
        return Failure("environment", "ModuleNotFoundError: No module named 'mine'")

    with pytest.raises(EnvironmentBroken, match=r"'mine'; every node wants .*then: stillhouse resume .*run"):
        drive(tmp_path / "run", Unruly(fail=fail))
    assert not rows(tmp_path / "run")["trials"], "it is no trial's failure"


def test_a_recipe_that_diverges_is_a_result(tmp_path):
    search = {"trials": 2, "lag": 1, "space": {"distill_lr": {"choice": [1e20, 0.05]}}}
    made = drive(tmp_path / "run", InlineExecutor(), {"search": search, "seed": 1})
    statuses = {row["status"]: row for row in made.ledger.trials.values()}
    assert "diverged" in statuses, "the seed has to draw the rate that diverges"
    diverged = statuses["diverged"]
    assert "not finite at outer step" in diverged["error"]
    assert (diverged["inits"], diverged["accuracy_mean"], diverged["distilled"]) == (0, None, None)


def test_an_extended_run_gets_a_final_of_its_own_and_keeps_the_first(tmp_path):
    folder = tmp_path / "run"
    first = drive(folder, InlineExecutor())
    before = rows(folder)
    made = drive(folder, InlineExecutor(), {"search": SWEEP["search"] | {"trials": 6}}, finals=[4, 6])
    after = rows(folder)
    assert set(before["evaluations"]) < set(after["evaluations"])
    assert len(after["trials"]) == 6
    phases = {series[1] for series in made.ledger.accuracies}
    assert phases - {series[1] for series in first.ledger.accuracies} == {
        "final/2",
        "tune/random_real/2",
        "baseline/random_real/2",
    }


def test_a_state_is_enough_to_write_the_curve_that_a_crash_lost(undisturbed, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    made = schedule(folder, Unruly(), {"resources": {"segment": 2}})
    write_state = made.storage.write_state

    class CrashError(Exception):
        pass

    def crash_after(job, state):
        write_state(job, state)
        raise CrashError

    monkeypatch.setattr(made.storage, "write_state", crash_after)
    with pytest.raises(CrashError):
        made.drive(lambda: False, lambda: None)
    (path,) = Path(folder / "states").iterdir()
    assert State.from_bytes(path.read_bytes()).outer_step == 2
    assert not rows_of_curves(folder)
    drive(folder, InlineExecutor())
    assert rows(folder) == rows(undisturbed)


@pytest.mark.parametrize("stage", ["search", "final"])
def test_a_crash_between_evaluations_and_their_curve_loses_neither(undisturbed, tmp_path, monkeypatch, stage):
    folder = tmp_path / "run"
    made = schedule(folder, Unruly())

    def crash_at_curves(path, payload, **options):
        if (path.parent.name, made.stage) == ("curves", stage):
            raise RuntimeError("power cut")
        publish(path, payload, **options)

    monkeypatch.setattr("orchestrator.records.publish", crash_at_curves)
    with pytest.raises(RuntimeError, match="power cut"):
        made.drive(lambda: False, lambda: None)
    monkeypatch.undo()
    assert list((folder / "states").iterdir()), "the state has to stay until the curve is committed"
    drive(folder, InlineExecutor())
    assert rows(folder) == rows(undisturbed)
    assert not list((folder / "states").iterdir())


def rows_of_curves(folder):
    return list((folder / "curves").glob("part-*"))


def test_resources_are_not_part_of_a_result():
    sweep = Sweep.model_validate(SWEEP)
    faster = sweep.model_copy(update={"resources": sweep.resources.model_copy(update={"slots": 7, "segment": 3})})
    assert faster.digest() == sweep.digest()
    assert dataclasses.asdict(faster.recipe) == dataclasses.asdict(sweep.recipe)


def test_a_resume_keeps_the_length_of_segments_and_the_cost_of_a_trial(tmp_path):
    folder = tmp_path / "run"
    drive(folder, Unruly(), {"resources": {"segment": 1}}, calls=3)
    made = drive(folder, Unruly(), {"resources": {"segment": 1}})
    # Steps that an earlier driver did are not taken for this one's: a step does not cost next to nothing.
    steps = [row["seconds"] for row in made.records.rows("curves")]
    assert made.pace.seconds(len(steps), 0) > 0.3 * sum(steps)
    for number, row in made.ledger.trials.items():
        distilling = sum(
            each["seconds"] for each in made.records.rows("curves") if (each["trial"], each["run"]) == (number, 0)
        )
        assert row["device_seconds"] > distilling


def test_runs_of_the_final_are_distilled_once(tmp_path):
    folder = tmp_path / "run"
    drive(folder, InlineExecutor())
    counting = Unruly()
    drive(folder, counting)
    assert counting.calls == []
    # Another final of the same trials trains other networks on the sets that are there.
    space = {"trials": 5, "lag": 2, "space": SWEEP["search"]["space"]}
    drive(folder, counting, {"search": space}, finals=[4, 5])
    new = {row["distilled"] for row in read(folder, "evaluations").to_pylist() if row["phase"] == "final/2"}
    old = {row["distilled"] for row in read(folder, "evaluations").to_pylist() if row["phase"] == "final"}
    distillations = 1 + len(new - old - {row["distilled"] for row in read(folder, "trials").to_pylist()})
    assert counting.calls.count("segment") == distillations


def test_a_run_of_the_final_that_diverged_is_not_tried_again(tmp_path):
    folder = tmp_path / "run"

    class Diverging(Unruly):
        def wait(self, timeout):
            (completion,) = super().wait(timeout)
            work = completion.call.tag[0]
            if work.job.run == 1 and completion.call.tag[1] is None:
                curve = completion.value["curve"]
                curve = curve | {"loss": [*curve["loss"][:-1], float("nan")]}
                value = completion.value | {"diverged": "as told", "distilled": None, "curve": curve}
                return [dataclasses.replace(completion, value=value)]
            return [completion]

    drive(folder, Diverging())
    again = Unruly()
    made = schedule(folder, again)
    made.ledger.add_curves(row for row in read(folder, "curves").to_pylist() if row["run"] > 0)
    assert made.drive(lambda: False, lambda: None)
    assert again.calls == []

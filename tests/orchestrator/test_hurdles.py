"""Looks and rungs in the driver's loop: what is stopped, and that nothing but the rows decides it. Tasks are imagined ones."""

import random

import pytest

from orchestrator.events import Events
from orchestrator.executor import Completion, InlineExecutor
from orchestrator.failures import Failure
from orchestrator.params import params_type, space_of
from orchestrator.plan import best_trials
from orchestrator.publish import publish
from orchestrator.records import Records
from orchestrator.schedule import Schedule
from orchestrator.searching import search_of
from orchestrator.storage import Storage
from sweeps import Sweep
from tests.orchestrator.imagined_tasks import Imagined
from tests.orchestrator.test_schedule import Quick
from tests.orchestrator.test_schedule import Unruly as Shuffled
from tests.orchestrator.tiny_sweep import rows

SWEEP = {
    "name": "hurdles",
    "seed": 5,
    "recipe": {"data": "digits", "network": "lenet", "outer_steps": 9},
    "search": {
        "trials": 24,
        "lag": 3,
        "rungs": [2, 5],
        "rung_inits": 3,
        "space": {"distill_lr": {"float": [0.01, 0.1]}},
    },
    "evaluate": {"validation": 360, "inits": [6, 10, 30], "shard": 4, "final": {"inits": 4}},
}


class Unruly(Imagined):
    """Answers in any order, loses calls, and dies where it is told to."""

    def __init__(self, slots=1, seed=0, lose=0.0, calls=10**9):
        super().__init__(slots)
        self.random, self.lose, self.left = random.Random(seed), lose, calls

    def wait(self, timeout):
        if not self._queue:
            return []
        self.left -= 1
        self._queue.rotate(self.random.randrange(len(self._queue)))
        if self.random.random() < self.lose:
            ticket, call = self._queue.popleft()
            return [Completion(ticket, call, failure=Failure("node", "gone"))]
        return super().wait(timeout)


def schedule(folder, executor, finals=None, **changes):
    sweep = Sweep.model_validate(SWEEP | changes)
    finals = finals or [sweep.trials]
    folder.mkdir(exist_ok=True)
    records, search = Records(folder, params_type(space_of(sweep))), search_of(sweep, finals[-1])
    return Schedule(sweep, finals, Storage(folder), records, executor, search, Events(folder), clock=Quick())


def drive(folder, executor, finals=None, **changes):
    made = schedule(folder, executor, finals, **changes)
    made.drive(lambda: getattr(executor, "left", 1) <= 0, lambda: None)
    return made


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    return folder, drive(folder, Imagined())


def test_trials_that_are_behind_are_stopped_and_the_others_have_all_networks(undisturbed):
    made = undisturbed[1]
    trials = made.ledger.trials
    by_status = {status: [row for row in trials.values() if row["status"] == status] for status in STATUSES}
    assert all(by_status.values()), "the sweep has to have some of each"
    assert {row["inits"] for row in by_status["complete"]} == {30}
    assert {row["inits"] for row in by_status["raced_out"]} <= {6, 10}
    assert {(row["outer_steps"], row["inits"]) for row in by_status["pruned"]} <= {(2, 3), (5, 3)}
    assert all(trials[number]["status"] == "complete" for number in range(3)), "the first ones have no rivals"
    for row in by_status["raced_out"]:
        measured = made.ledger.in_order((row["trial"], "search", 0, 0, "validation", "lenet"))
        assert len(measured) == row["inits"]
        assert row["objectives"] == [pytest.approx(sum(measured) / len(measured))]


STATUSES = ("complete", "raced_out", "pruned")


def test_a_stopped_trial_is_neither_the_best_nor_in_the_final(undisturbed):
    made = undisturbed[1]
    finals = {series[0] for series in made.ledger.accuracies if series[1] == "final"}
    assert {made.ledger.trials[number]["status"] for number in finals | set(best_trials(made.ledger, 99))} == {
        "complete"
    }


def test_a_pruned_trial_has_rows_of_its_rungs_alone(undisturbed):
    made = undisturbed[1]
    for row in made.ledger.trials.values():
        phases = {series[1] for series in made.ledger.accuracies if series[0] == row["trial"]}
        if row["status"] == "pruned":
            assert phases == {f"rung/{rung}" for rung in (2, 5) if rung <= row["outer_steps"]}
            assert sum(each["trial"] == row["trial"] for each in made.records.rows("curves")) == row["outer_steps"]
        else:
            assert phases >= {"rung/2", "rung/5", "search"}


def test_no_shard_crosses_a_look(tmp_path):
    executor = Imagined()
    submitted = []
    executor.submit = lambda call, submit=executor.submit: (submitted.append(call), submit(call))[1]
    drive(tmp_path / "run", executor)
    shards = [call.tag[2] for call in submitted if call.tag[1] is not None and call.tag[1].phase == "search"]
    assert {(inits[0], inits[-1] + 1) for inits in shards} == {
        (0, 4), (4, 6), (6, 10), (10, 14), (14, 18), (18, 22), (22, 26), (26, 30)
    }  # fmt: skip


@pytest.mark.parametrize(("slots", "segment"), [(2, 4), (4, None), (7, 1)])
def test_slots_order_segments_and_lost_calls_change_no_row(undisturbed, tmp_path, slots, segment):
    drive(tmp_path / "run", Unruly(slots, seed=slots, lose=0.2), resources={"segment": segment})
    assert rows(tmp_path / "run") == rows(undisturbed[0])


@pytest.mark.parametrize("seed", range(3))
def test_a_run_that_stops_anywhere_goes_on_to_the_same_rows(undisturbed, tmp_path, seed):
    folder, chance = tmp_path / "run", random.Random(seed)
    drives, done = 0, False
    while not done:
        stopped = drive(folder, Unruly(1 + seed % 3, chance.random(), calls=chance.randrange(1, 40)))
        done, drives = stopped.stage == "done", drives + 1
        if chance.random() < 0.3:
            stopped.records.flush()
    assert drives > 5
    assert rows(folder) == rows(undisturbed[0])
    assert not list((folder / "states").iterdir())


@pytest.mark.parametrize(("table", "part"), [("trials", 1), ("evaluations", 0), ("evaluations", 4), ("curves", 3)])
def test_a_power_cut_at_any_part_loses_nothing(undisturbed, tmp_path, monkeypatch, table, part):
    folder = tmp_path / "run"
    made = schedule(folder, Unruly(2))
    published = []

    def cut(path, payload, **options):
        if path.parent.name == table:
            published.append(path)
            if len(published) > part:
                raise RuntimeError("power cut")
        publish(path, payload, **options)

    monkeypatch.setattr("orchestrator.records.publish", cut)
    with pytest.raises(RuntimeError, match="power cut"):
        made.drive(lambda: False, lambda: None)
    monkeypatch.undo()
    drive(folder, Imagined())
    assert rows(folder) == rows(undisturbed[0])


def test_without_looks_and_rungs_every_trial_is_complete(tmp_path):
    search = {key: value for key, value in SWEEP["search"].items() if not key.startswith("rung")} | {"trials": 6}
    made = drive(tmp_path / "run", Imagined(), search=search, evaluate=SWEEP["evaluate"] | {"inits": 10})
    assert {(row["status"], row["inits"]) for row in made.ledger.trials.values()} == {("complete", 10)}


def test_networks_of_a_fixed_initialisation_do_not_race(tmp_path):
    recipe = SWEEP["recipe"] | {"init": "fixed", "inits_per_step": 8}
    search = {"trials": 8, "lag": 1, "space": SWEEP["search"]["space"]}
    made = drive(tmp_path / "run", Imagined(), recipe=recipe, search=search)
    assert {(row["status"], row["inits"]) for row in made.ledger.trials.values()} == {("complete", 8)}


def test_an_extended_search_stops_the_same_trials(undisturbed, tmp_path):
    """A threshold that looked at the number of trials to come would make another search of it."""
    folder = tmp_path / "run"
    drive(folder, Imagined(), search=SWEEP["search"] | {"trials": 14})
    drive(folder, Imagined(), finals=[14, 24])
    assert rows(folder)["trials"] == rows(undisturbed[0])["trials"]


def test_real_tasks_give_equal_rows_in_any_order(tmp_path):
    search = {"trials": 5, "lag": 1, "rungs": [1], "rung_inits": 2, "reduction": 2}
    # Rates at which a network learns much, or nothing: which trial is behind hangs on no last digit.
    recipe = {
        "data": "digits",
        "network": "lenet",
        "inputs": "real",
        "steps": 3,
        "epochs": 5,
        "outer_steps": 2,
        "batch": 32,
    }
    changes = {
        "recipe": recipe,
        "search": search | {"space": {"distill_lr": {"choice": [1e-6, 0.05]}}},
        "evaluate": {"validation": 1300, "inits": [5, 8], "shard": 3, "final": {"inits": 1}},
    }
    made = drive(tmp_path / "alone", InlineExecutor(), **changes)
    drive(tmp_path / "seven", Shuffled(7), **changes)
    assert {row["status"] for row in made.ledger.trials.values()} == {"complete", "raced_out"}
    assert rows(tmp_path / "alone") == rows(tmp_path / "seven")

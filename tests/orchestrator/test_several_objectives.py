"""A search for accurate sets of few examples that are quick to train on: real trials on digits."""

import random

import pytest
from tiny_sweep import SWEEP, rows

from distiller.operations import training_operations
from orchestrator.events import Events
from orchestrator.executor import InlineExecutor
from orchestrator.objectives import directions_of, objective_values, objectives_of
from orchestrator.params import params_type, space_of
from orchestrator.plan import best_trials
from orchestrator.query import query
from orchestrator.records import Records, read
from orchestrator.schedule import Schedule
from orchestrator.searching import search_of
from orchestrator.storage import Storage
from sweeps import Sweep

SEARCH = {
    "trials": 6,
    "lag": 3,
    "objectives": ["accuracy", "examples", "operations"],
    "enqueue": [{"steps": 2, "epochs": 3, "distill_lr": 0.05}, {"epochs": 1}],
    "space": {"steps": {"int": [1, 3]}, "epochs": {"int": [1, 3]}, "distill_lr": {"float": [0.01, 0.1], "log": True}},
}
FINAL = {"validation": 1200, "inits": 3, "shard": 2, "final": {"top": 2, "inits": 2}}


class Shuffled(InlineExecutor):
    def __init__(self, slots):
        super().__init__(slots)
        self.random = random.Random(slots)

    def wait(self, timeout):
        self._queue.rotate(self.random.randrange(len(self._queue)))
        return super().wait(timeout)


def drive(folder, slots):
    """Run to the end; return the schedule."""
    sweep = Sweep.model_validate(SWEEP | {"search": SEARCH, "evaluate": FINAL, "baselines": []})
    folder.mkdir()
    records = Records(folder, params_type(space_of(sweep)))
    search = search_of(sweep, sweep.trials)
    made = Schedule(sweep, [sweep.trials], Storage(folder), records, Shuffled(slots), search, Events(folder))
    assert made.drive(lambda: False, lambda: None)
    return made


@pytest.fixture(scope="module")
def driven(tmp_path_factory):
    return drive(tmp_path_factory.mktemp("runs") / "one", 1)


def test_every_complete_trial_has_its_accuracy_and_its_counted_costs(driven):
    for row in read(driven.storage.folder, "trials").to_pylist():
        distilled, params = driven.storage.read_distilled(row["distilled"]), row["params"]
        accuracy, examples, operations = row["objectives"]
        assert accuracy == row["accuracy_mean"]
        assert examples == len(distilled) == 10 * params["steps"]
        assert operations == training_operations(distilled, "lenet")
        # Counted by example: a tenfold batch of `steps` x `epochs` steps.
        assert operations == 10 * params["steps"] * params["epochs"] * 1_131_960


@pytest.mark.parametrize("slots", [2, 7])
def test_slots_and_order_change_no_row(driven, tmp_path, slots):
    drive(tmp_path / "run", slots)
    assert rows(tmp_path / "run") == rows(driven.storage.folder)


def test_what_is_enqueued_comes_first(driven):
    first, second = (driven.ledger.trials[number]["params"] for number in (0, 1))
    assert first == SEARCH["enqueue"][0]
    assert second["epochs"] == 1


def test_the_final_measures_members_of_the_front(driven):
    folder = driven.storage.folder
    front = query(folder, "SELECT trial FROM front").column("trial").to_pylist()
    final = query(folder, "SELECT DISTINCT trial FROM evaluations WHERE phase = 'final'").column("trial").to_pylist()
    assert best_trials(driven.ledger, 2) == front[:2]
    assert sorted(final) == sorted(front[:2])


def test_accuracy_is_to_be_large_and_costs_small():
    assert directions_of(("accuracy", "examples", "operations")) == ("maximize", "minimize", "minimize")
    assert objectives_of(Sweep.model_validate(SWEEP | {"search": None})) == ("accuracy",)
    assert objective_values(("accuracy",), 0.5, None, "lenet") == [0.5]

"""Label distillation in a run: segments, evaluation in the set's own way, and true labels that are trained in the same way."""

import json

import pytest

from orchestrator.executor import InlineExecutor
from orchestrator.records import read
from sweeps import SweepError
from sweeps.error import Place
from sweeps.sweep import build
from tests.orchestrator.test_schedule import drive
from tests.orchestrator.tiny_sweep import SWEEP

LABELS = {
    "data": "digits", "network": "lenet", "init_scheme": "default", "method": "ridge", "inner_batch": 10, "patience": 2,
    "outer_steps": 6, "batch": 64, "selection": {"every": 1},
}  # fmt: skip
CHANGES = {
    "recipe": LABELS,
    "search": {"trials": 2, "lag": 1, "space": {"method": {"choice": ["labels", "ridge"]}}},
    "evaluate": {"validation": 1200, "inits": 2, "final": {"inits": 2}},
    "tuning": {"steps": [2, 5], "draws": 2},
    "resources": {"segment": 4},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs") / "labels"
    drive(place, InlineExecutor(), CHANGES)
    return place


def test_both_methods_run_and_their_steps_are_logged(folder):
    trials = read(folder, "trials").to_pylist()
    assert [row["status"] for row in trials] == ["complete", "complete"]
    curves = read(folder, "curves").to_pylist()
    assert all(0 <= row["accuracy"] <= 1 for row in curves)
    assert any(row["validation"] is not None for row in curves)


def test_true_labels_are_trained_as_the_learned_ones_for_a_tuned_number_of_steps(folder):
    rows = read(folder, "evaluations").to_pylist()
    tuned = [row for row in rows if row["phase"] == "tune/random_real"]
    steps = {row["run"]: json.loads(row["training"])["steps"] for row in tuned}
    assert steps == {0: 2, 1: 5}
    means = {run: sum(row["accuracy"] for row in tuned if row["run"] == run) for run in steps}
    best = steps[max(steps, key=lambda run: (means[run], -run))]
    measured = [row for row in rows if row["phase"] == "baseline/random_real"]
    assert len(measured) == 2
    winner = max(read(folder, "trials").to_pylist(), key=lambda row: (row["accuracy_mean"], -row["trial"]))
    optimiser = {"labels": "adam", "ridge": "ridge"}[json.loads(winner["recipe"])["method"]]
    for row in measured:
        expected = {"optimiser": optimiser, "lr": 0.001, "batch": 10, "steps": best}
        assert json.loads(row["training"]) == expected
        assert row["split"] == "test"


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"baselines": ["learned_labels"]}, "learned_labels is what method ridge does; leave it out"),
        (
            {"recipe": LABELS | {"base": {"data": "noise", "examples": 10}}},
            "are of the recipe's own data, and its base is not; leave them out",
        ),
    ],
)
def test_baselines_that_cannot_be_are_refused(changes, says):
    given = SWEEP | CHANGES | {"search": None} | changes
    with pytest.raises(SweepError, match=says):
        build(given, lambda _: Place("a.yaml"))

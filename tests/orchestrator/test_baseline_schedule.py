"""All baselines beside a search, by the real tasks: they are there once, whatever stopped, and of what they should be."""

import dataclasses
import random

import pytest

from distiller.data import load
from distiller.distill import State
from orchestrator.executor import Failure, InlineExecutor
from orchestrator.records import read
from orchestrator.run_files import read_run
from orchestrator.storage import Storage, write_json
from sweeps import BASELINES, Sweep
from tests.orchestrator.test_schedule import Unruly, drive, schedule
from tests.orchestrator.tiny_sweep import SWEEP, rows

CHANGES = {
    "baselines": list(BASELINES),
    # Two steps at least, so that centroids are drawn.
    "search": SWEEP["search"] | {"trials": 2, "space": {"steps": {"int": [2, 3]}}},
    "evaluate": SWEEP["evaluate"] | {"final": {"top": 1, "inits": 4}},
    "tuning": {
        "rates": [0.01, 0.1], "neighbours": [1, 3], "norms": [2], "draws": 2, "optimised": {"sets": 4, "keep": 2, "inits": 3},
    },
}  # fmt: skip
# Of a rate or a setting; of a draw; of a network.
NETWORKS = {
    "search": 2 * 4, "final": 4, "tune/random_real": 2 * 4, "tune/k_means": 2 * 4, "tune/average": 2 * 4,
    "tune/knn_random_real": 2 * 2, "tune/knn_k_means": 2 * 2, "tune/optimised_real": 4 * 3,
    "baseline/random_real": 4, "baseline/optimised_real": 4, "baseline/k_means": 4, "baseline/average": 4,
    "baseline/knn_random_real": 2, "baseline/knn_k_means": 2, "baseline/learned_labels": 4,
}  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    drive(folder, InlineExecutor(), CHANGES)
    return folder


def evaluations(folder, phase=None):
    found = read(folder, "evaluations").to_pylist()
    return [row for row in found if phase in (None, row["phase"])]


def test_every_baseline_is_tuned_and_measured_once(undisturbed):
    counted = {}
    for row in evaluations(undisturbed):
        counted[row["phase"]] = counted.get(row["phase"], 0) + 1
    assert counted == NETWORKS
    assert not list((undisturbed / "states").iterdir())


def test_rows_say_how_a_baseline_was_set(undisturbed):
    for row in evaluations(undisturbed):
        kind, _, name = row["phase"].partition("/")
        neighbours, learned = name.startswith("knn"), name == "learned_labels" or kind in ("search", "final")
        assert (row["rate"] is None) == (neighbours or learned), row
        assert (row["neighbours"] is None) == (row["norm"] is None) == (not neighbours), row
        assert (row["network"] == "knn") == (row["loss"] is None) == neighbours, row
        assert (row["distilled"] is not None) == learned, row
        assert row["split"] == {"tune": "validation"}.get(kind, row["split"]) or name == "optimised_real"
        assert kind not in ("final", "baseline") or row["split"] == "test"


def test_they_are_measured_on_the_finals_own_networks(undisturbed):
    final = {row["init"]: row["seed"] for row in evaluations(undisturbed, "final")}
    for name in ("random_real", "optimised_real", "k_means", "average", "learned_labels"):
        assert {row["init"]: row["seed"] for row in evaluations(undisturbed, f"baseline/{name}")} == final, name
    tuned = {row["seed"] for row in evaluations(undisturbed, "tune/k_means")}
    judged = {row["seed"] for row in evaluations(undisturbed, "tune/optimised_real")}
    assert not tuned & judged
    assert not (tuned | judged) & set(final.values())


def test_the_kept_sets_are_those_that_were_judged_best(undisturbed):
    means = {}
    for row in evaluations(undisturbed, "tune/optimised_real"):
        assert row["split"] == "train"
        means[row["draw"]] = means.get(row["draw"], 0) + row["accuracy"] / 3
    best = sorted(sorted(means, key=lambda draw: (-means[draw], draw))[:2])
    assert sorted({row["draw"] for row in evaluations(undisturbed, "baseline/optimised_real")}) == best
    # A set that random_real drew too is the same one, and its networks of the same number reach the same.
    random_real = {(r["draw"], r["init"]): r["accuracy"] for r in evaluations(undisturbed, "baseline/random_real")}
    optimised = {(r["draw"], r["init"]): r["accuracy"] for r in evaluations(undisturbed, "baseline/optimised_real")}
    assert all(optimised[key] == random_real[key] for key in optimised.keys() & random_real.keys())


def test_learned_labels_leave_real_images_as_they_are(undisturbed):
    (digest,) = {row["distilled"] for row in evaluations(undisturbed, "baseline/learned_labels")}
    learned = Storage(undisturbed).read_distilled(digest)
    real = load("digits", 1200).train.inputs.flatten(1)
    assert (learned.inputs.flatten(0, 1).flatten(1)[:, None] == real).all(-1).any(1).all()
    labels = learned.labels.flatten(0, 1)
    assert ((labels - labels.round()).abs() > 1e-6).any()
    assert (labels.argmax(1) == labels.round().argmax(1)).all()
    curve = [row for row in read(undisturbed, "curves").to_pylist() if row["trial"] == -1]
    assert [row["outer_step"] for row in curve] == [0, 1, 2, 3]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_run_that_stops_anywhere_goes_on_to_the_same_rows_and_computes_none_twice(undisturbed, tmp_path, seed):
    folder, calls, done, run = tmp_path / "run", random.Random(seed), False, []
    while not done:
        executor = Unruly(2, seed)
        changes = CHANGES | {"resources": {"segment": 1}}
        stopped = drive(folder, executor, changes, calls=calls.randrange(1, 20))
        stopped.records.flush()
        run += executor.calls
        done = stopped.stage == "done"
    assert rows(folder) == rows(undisturbed)
    whole = Unruly()
    drive(tmp_path / "whole", whole, CHANGES)
    for task in ("evaluate_distilled", "evaluate_baseline", "evaluate_neighbours"):
        assert run.count(task) == whole.calls.count(task) > 0, task
    again = Unruly()
    assert drive(folder, again, CHANGES).stage == "done"
    assert again.calls == []


def test_the_files_alone_say_that_all_is_done_and_what_is_not(undisturbed, tmp_path):
    sweep = Sweep.model_validate(SWEEP | CHANGES)
    frozen = {"version": 1, "digest": sweep.digest(), "sweep": sweep.frozen(), "finals": [2]}
    write_json(undisturbed / "sweep.json", frozen)
    files = read_run(undisturbed)
    assert files.stage() == "done"
    assert files.baseline_seconds > 0 == files.run_seconds
    assert files.networks == sum(count for phase, count in NETWORKS.items() if "knn" not in phase)
    for phase in ("baseline/learned_labels", "tune/optimised_real", "baseline/knn_k_means"):
        kept = [row for row in files.evaluations if row["phase"] != phase]
        assert dataclasses.replace(files, evaluations=kept).stage() == "baselines", phase


def test_learned_labels_that_diverge_are_not_tried_again_and_stop_no_other_baseline(tmp_path):
    folder = tmp_path / "run"
    recipe = SWEEP["recipe"] | {"distill_lr": 1e20}
    changes = CHANGES | {"recipe": recipe, "search": None, "distil": False}
    made = drive_without_search(folder, Unruly(), changes)
    assert made.ledger.diverged == {(-1, 0)}
    assert {row["phase"] for row in evaluations(folder)} == set(NETWORKS) - {
        "search", "final", "baseline/learned_labels",
    }  # fmt: skip
    again = Unruly()
    made = drive_without_search(folder, again, changes, known=read(folder, "curves").to_pylist())
    assert again.calls == []


def test_with_nothing_distilled_there_are_baselines_alone(tmp_path):
    changes = CHANGES | {"search": None, "distil": False, "baselines": ["average", "knn_k_means", "optimised_real"]}
    unruly = Unruly()
    made = drive_without_search(tmp_path / "run", unruly, changes)
    assert made.stage == "done"
    assert {series[1] for series in made.ledger.accuracies} == {
        "tune/average", "tune/knn_k_means", "tune/random_real", "tune/optimised_real",
        "baseline/average", "baseline/knn_k_means", "baseline/optimised_real",
    }  # fmt: skip
    assert "segment" not in unruly.calls
    assert not made.ledger.trials


def test_a_baseline_that_fails_is_left_out_and_tried_again_by_the_next_driver_alone(undisturbed, tmp_path):
    folder, tried = tmp_path / "run", []

    def fail(ticket, call):
        phase = call.tag[0].job.shards[0].phase
        if phase != "baseline/average":
            return None
        tried.append(ticket)
        return Failure("user", "as told")

    made = drive(folder, Unruly(fail=fail), CHANGES)
    assert (made.stage, [work.job.shards[0].phase for work in made.unfinished]) == ("done", ["baseline/average"])
    # Its two shards were out already.
    assert len(tried) <= 2
    drive(folder, Unruly(), CHANGES)
    assert rows(folder) == rows(undisturbed)


def drive_without_search(folder, executor, changes, known=()):
    made = schedule(folder, executor, changes, finals=[0])
    made.ledger.add_curves(known)
    assert made.drive(lambda: False, lambda: None)
    return made


def test_a_state_of_learned_labels_is_found_again(tmp_path):
    folder, changes = tmp_path / "run", CHANGES | {"resources": {"segment": 1}}
    executor = Unruly(1)
    made = schedule(folder, executor, changes)
    made.drive(lambda: any(path.name.startswith("-") for path in folder.glob("states/*")), lambda: None)
    made.records.flush()
    (path,) = [path for path in folder.glob("states/*") if path.name.startswith("-")]
    reached = State.from_bytes(path.read_bytes()).outer_step
    rest = Unruly(1)
    drive(folder, rest, changes)
    learned = [row for row in read(folder, "curves").to_pylist() if row["trial"] == -1]
    assert (len(learned), rest.calls.count("segment")) == (4, 4 - reached)

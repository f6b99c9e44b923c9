import dataclasses
import json
import signal
import time

import pytest
import torch

from distiller.data import load as load_data
from distiller.losses import one_hot
from distiller.real_sets import real_batches
from distiller.recipe import Recipe
from distiller.training import Training
from orchestrator import load, open_run, run
from orchestrator.check import CheckError
from orchestrator.extra import Asked, evaluate
from orchestrator.opening import RunError
from tests.orchestrator.tiny_sweep import stillhouse, write_sweep

SMALL = {
    "search": {"trials": 1, "lag": 1, "space": {"steps": {"int": [1, 2]}}},
    "evaluate": {"validation": 1200, "inits": 2, "shard": 2, "final": {"inits": 2}},
    "baselines": [],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("extra")
    return run(str(write_sweep(made, **SMALL)), made / "run", inline=True).folder


@pytest.fixture
def saved(folder, tmp_path):
    """A file of the run's best distilled set, with changes."""

    def save(**changes):
        dataclasses.replace(load(folder), **changes).save(tmp_path / "set.safetensors")
        return tmp_path / "set.safetensors"

    return save


def extra_rows(folder, network):
    rows = open_run(folder).table("evaluations").to_pylist()
    return [row for row in rows if row["phase"] == "extra" and row["network"] == network]


def drivers(folder):
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return sum(event["event"] == "driver_started" for event in events)


def test_an_interrupted_evaluation_says_how_many_and_keeps_them(folder):
    before = len(extra_rows(folder, "lenet"))
    started = stillhouse("evaluate", folder, "--inits", "100000", "--inline", "--json", wait=False)
    deadline = time.monotonic() + 240
    while len(extra_rows(folder, "lenet")) == before and time.monotonic() < deadline:
        time.sleep(0.1)
    started.send_signal(signal.SIGINT)
    out, error = started.communicate(timeout=240)
    assert started.returncode == 130, error
    (found,), kept = json.loads(out)["measured"], extra_rows(folder, "lenet")
    assert 0 < found["inits"] < found["wanted"] == 100000
    assert len(kept) == found["inits"] == len(found["accuracies"])
    assert error.splitlines() == [
        f"{len(kept)} of 100000 networks are measured; what is measured stays; the same command goes on"
    ]


def test_networks_that_fail_are_missed(folder, tmp_path):
    (tmp_path / "sometimes.py").write_text(
        "import pathlib\nimport torch\n\n\nclass Sometimes(torch.nn.Linear):\n    def __init__(self, shape, outputs):\n"
        "        super().__init__(784, outputs)\n\n    def forward(self, x):\n"
        "        if len(x) == 10 and pathlib.Path('fail').exists():\n            raise RuntimeError('not now')\n"
        "        return super().forward(x.flatten(1))\n"
    )
    asked = ("evaluate", folder, "--network", "sometimes:Sometimes", "--inline")
    ended = stillhouse(*asked, "--inits", "2", cwd=tmp_path)
    began = f"training 2 networks (sometimes:Sometimes) on trial 0 of {folder}, less what is measured already\n"
    assert (ended.returncode, ended.stderr_text) == (0, began)
    (tmp_path / "fail").touch()
    ended = stillhouse(*asked, "--inits", "5", cwd=tmp_path)
    assert ended.returncode == 1
    assert "2 of 5 random initialisations of sometimes:Sometimes" in ended.stdout_text
    assert "2 of 5 networks are measured" in ended.stderr_text
    (tmp_path / "fail").unlink()
    assert stillhouse(*asked, "--inits", "5", cwd=tmp_path).returncode == 0
    assert len(extra_rows(folder, "sometimes:Sometimes")) == 5


@pytest.mark.parametrize(
    ("network", "says"), [("lenot", "no network is named 'lenot'"), ("alexcifarnet", "alexcifarnet does not fit")]
)
def test_a_network_that_does_not_fit_is_said_before_anything_runs(folder, saved, network, says):
    before = drivers(folder)
    for source in (folder, saved()):
        with pytest.raises(CheckError, match=says):
            evaluate(source, Asked(2, [network]), inline=True)
    assert drivers(folder) == before


def test_absent_data_are_said_before_anything_runs(saved, tmp_path, monkeypatch):
    monkeypatch.setenv("STILLHOUSE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(CheckError, match="fetch it with `stillhouse data mnist`"):
        evaluate(saved(data="mnist"), Asked(2))


def test_a_file_knows_no_trial_and_no_cluster(saved):
    for option, given in (("trial", "3"), ("address", "10.0.0.1:6379")):
        with pytest.raises(RunError, match=f"is a file, which --{option} {given} says nothing of"):
            evaluate(saved(), Asked(2), **{option: given})
    ended = stillhouse("evaluate", saved(), "--trial", "best")
    assert ended.returncode == 2
    assert ended.stderr_text.count("\n") == 1


def test_a_trial_that_is_none_says_what_is_expected(folder):
    for trial in ("bset", "7"):
        with pytest.raises(RunError, match=f"trial {trial} has no distilled set; expected best, or one of these: 0$"):
            evaluate(folder, asked=Asked(2), trial=trial, inline=True)


def test_training_on_a_file_is_said_when_it_begins(saved):
    said = []
    evaluate(saved(), Asked(2), say=said.append)
    assert len(said) == 1
    assert said[0].startswith("training 2 networks (lenet) on ")


def test_a_file_is_measured_on_one_thread(saved):
    torch.set_num_threads(2)
    try:
        evaluate(saved(), Asked(2))
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(1)


def test_a_file_of_other_data_is_refused(saved):
    mean = load(saved()).mean
    with pytest.raises(RunError, match=r"other data than digits here: 10 classes, shape 1 x 28 x 28, mean 0.5, std .*"):
        evaluate(saved(mean=(0.5,)), Asked(2))
    with pytest.raises(RunError, match="other data than digits here: 7 classes"):
        evaluate(saved(classes=7), Asked(2))
    # The last digits of a sum over pixels are not another data set.
    assert evaluate(saved(mean=(mean[0] * (1 + 1e-9),)), Asked(2)).is_whole


TRAININGS = (
    {},
    {"order": "shuffled"},
    {"optimiser": "momentum", "lr": 0.1, "steps": 9},
    {"optimiser": "adam", "batch": 3},
)


def test_ways_stand_beside_one_another_and_are_measured_once(folder):
    """On a run: every way and network has rows of its own; a rate that is not given is the best one on validation."""
    asked = Asked(3, ["lenet", "tests.distiller.test_evaluate:Linear"], trainings=TRAININGS)
    found = evaluate(folder, asked, inline=True)
    assert found.is_whole
    assert len(found.measured) == 8
    rows = [row for row in open_run(folder).table("evaluations").to_pylist() if row["phase"].startswith("extra/")]
    test = [row for row in rows if row["split"] == "test"]
    assert {(row["network"], row["training"]) for row in test} >= {
        (m.network, m.training) for m in found.measured if m.training
    }
    adam = [row for row in rows if row["network"] == "lenet" and row["phase"].startswith("extra/adam-")]
    tuning = {}
    for row in adam:
        if row["split"] == "validation":
            tuning.setdefault(row["rate"], []).append(row["accuracy"])
    assert len(tuning) == 10
    best = max(sorted(tuning), key=lambda rate: sum(tuning[rate]))
    assert {row["rate"] for row in adam if row["split"] == "test"} == {best}
    assert {json.loads(row["training"])["batch"] for row in adam} == {3}
    # On the same networks: what differs is the way.
    assert {row["seed"] for row in test if row["init"] == 0} == {
        row["seed"] for row in extra_rows(folder, "lenet") if row["init"] == 0
    }
    before = len(open_run(folder).table("evaluations"))
    assert evaluate(folder, asked, inline=True) == found
    assert len(open_run(folder).table("evaluations")) == before


def test_a_file_is_measured_in_the_ways_of_a_run(saved):
    digits = load_data("digits")
    inputs, labels = real_batches(Recipe(data="digits", network="lenet", steps=3), digits, "test")
    teaching = {
        "inputs": inputs,
        "labels": one_hot(labels, 10).float(),
        "rates": torch.linspace(0.02, 0.1, 15),
        "epochs": 5,
    }
    trainings = [{}, {"order": "shuffled"}, {"optimiser": "adam", "lr": 0.003, "batch": 5}, {"optimiser": "sgd"}]
    learned, shuffled, adam, sgd = evaluate(saved(**teaching), Asked(2, trainings=trainings)).measured
    assert len({tuple(each.accuracies) for each in (learned, shuffled, adam)}) == 3
    assert adam.mean > 0.3
    # The rate that was found on other networks and examples is at least as good as the one that was guessed, but for chance.
    assert sgd.mean > learned.mean - 0.05
    assert "lr" in json.loads(sgd.training)


def test_a_set_is_trained_in_the_way_that_it_names(saved):
    way = Training(optimiser="adam", lr=0.01, steps=20)
    own = evaluate(saved(training=way), Asked(2)).measured[0]
    named = evaluate(saved(), Asked(2, trainings=[way.plain()])).measured[0]
    learned = evaluate(saved(), Asked(2)).measured[0]
    assert own.accuracies == named.accuracies != learned.accuracies
    assert own.training is None
    back = evaluate(saved(training=way), Asked(2, trainings=[{"optimiser": "learned", "steps": None}])).measured[0]
    assert back.accuracies == learned.accuracies


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (Asked(trainings=[{"lr": 0.1}]), "--lr: the learned rates belong to"),
        (Asked(trainings=[{"optimiser": "sgd", "lr": -1.0}]), "--lr: expected a number above 0"),
        (Asked(trainings=[{"steps": 0}]), "--steps: expected a whole number of at least 1"),
        (
            Asked(trainings=[{"optimiser": "sgd", "order": "shuffled", "batch": 4}]),
            "--order: is that of the set's own batches",
        ),
        (Asked(init_schemes=["xavier"]), "--init-scheme xavier: is none; expected one of xavier_normal"),
    ],
)
def test_a_way_that_cannot_be_is_refused_before_anything_runs(folder, saved, asked, says):
    before = drivers(folder)
    for source in (folder, saved()):
        with pytest.raises(RunError, match=says):
            evaluate(source, asked, inline=True)
    assert drivers(folder) == before


def test_the_command_line_asks_for_ways(saved):
    ended = stillhouse(
        "evaluate", saved(), "--inits", "2", "--network", "lenet", "--init-scheme", "xavier_normal", "--init-scheme", "default",
        "--optimiser", "sgd", "--optimiser", "momentum", "--lr", "0.05", "--order", "shuffled", "--steps", "4", "--json",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr_text
    ways = [each["way"] for each in json.loads(ended.stdout_text)["measured"]]
    assert ways == [
        f"{optimiser} 0.05, shuffled, 4 steps{fresh}"
        for fresh in ("", ", fresh default")
        for optimiser in ("sgd", "momentum")
    ]
    ended = stillhouse("evaluate", saved(), "--lr", "0.1")
    assert (ended.returncode, ended.stderr_text.count("\n")) == (2, 1)

import dataclasses
import json
import signal
import time

import pytest
import torch

from orchestrator import load, open_run, run
from orchestrator.check import CheckError
from orchestrator.extra import evaluate
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
    deadline = time.monotonic() + 60
    while len(extra_rows(folder, "lenet")) == before and time.monotonic() < deadline:
        time.sleep(0.1)
    started.send_signal(signal.SIGINT)
    out, error = started.communicate(timeout=60)
    assert started.returncode == 130, error
    found, kept = json.loads(out), extra_rows(folder, "lenet")
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
            evaluate(source, inits=2, network=network, inline=True)
    assert drivers(folder) == before


def test_absent_data_are_said_before_anything_runs(saved, tmp_path, monkeypatch):
    monkeypatch.setenv("STILLHOUSE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(CheckError, match="fetch it with `stillhouse data mnist`"):
        evaluate(saved(data="mnist"), inits=2)


def test_a_file_knows_no_trial_and_no_cluster(saved):
    for option, given in (("trial", "3"), ("address", "10.0.0.1:6379")):
        with pytest.raises(RunError, match=f"is a file, which --{option} {given} says nothing of"):
            evaluate(saved(), inits=2, **{option: given})
    ended = stillhouse("evaluate", saved(), "--trial", "best")
    assert ended.returncode == 2
    assert ended.stderr_text.count("\n") == 1


def test_a_trial_that_is_none_says_what_is_expected(folder):
    with pytest.raises(
        RunError, match=r"^--trial bset: is no trial; expected best, or the number of a complete one: 0$"
    ):
        evaluate(folder, trial="bset", inits=2, inline=True)
    with pytest.raises(RunError, match="trial 7 is not complete; expected best, or one of these: 0"):
        evaluate(folder, trial="7", inits=2, inline=True)


def test_training_on_a_file_is_said_when_it_begins(saved):
    said = []
    evaluate(saved(), inits=2, say=said.append)
    assert len(said) == 1
    assert said[0].startswith("training 2 networks (lenet) on ")


def test_a_file_is_measured_on_one_thread(saved):
    torch.set_num_threads(2)
    try:
        evaluate(saved(), inits=2)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(1)


def test_a_file_of_other_data_is_refused(saved):
    mean = load(saved()).mean
    with pytest.raises(RunError, match=r"other data than digits here: 10 classes, shape 1 x 28 x 28, mean 0.5, std .*"):
        evaluate(saved(mean=(0.5,)), inits=2)
    with pytest.raises(RunError, match="other data than digits here: 7 classes"):
        evaluate(saved(classes=7), inits=2)
    # The last digits of a sum over pixels are not another data set.
    assert evaluate(saved(mean=(mean[0] * (1 + 1e-9),)), inits=2).is_whole

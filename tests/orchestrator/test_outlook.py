import io
import resource

import pytest
import torch
from rich.console import Console

from orchestrator import outlook as module
from orchestrator.check import CheckError
from orchestrator.outlook import outlook, render
from sweeps import Resources, read
from tests.orchestrator.tiny_sweep import SWEEP, write_sweep


def planned(folder, **changes):
    return outlook(read(str(write_sweep(folder, **changes))), probe=False)


@pytest.mark.parametrize(
    ("devices", "gpus", "slots", "expected"),
    [(2, 1, None, 2), (4, 2, None, 2), (1, 0.1, None, 10), (2, 0.6, None, 2), (2, 1, 5, 2), (4, 1, 3, 3), (3, 0, 5, 5)],
)
def test_no_more_slots_than_the_gpus_hold(tmp_path, monkeypatch, devices, gpus, slots, expected):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: devices)
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    assert planned(tmp_path, resources={"gpus": gpus, "slots": slots}).slots == expected


def test_slots_without_gpus_are_those_of_the_cpus(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    assert [module._slots(Resources(cpus=cpus)) for cpus in (0.5, 1.0, 4.0, 8.0)] == [12, 6, 1, 1]


def test_a_step_is_computed_by_no_more_slots_than_it_has_chunks(tmp_path):
    recipe = SWEEP["recipe"] | {"inits_per_step": 6, "chunk": 2}
    assert planned(tmp_path, recipe=recipe).workers == 1
    assert planned(tmp_path, recipe=recipe, resources={"workers": 3}).workers == 3
    search = SWEEP["search"] | {"space": {"inits_per_step": {"int": [1, 3]}}}
    assert planned(tmp_path, recipe=recipe, search=search, resources={"workers": 3}).workers == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_machine_without_gpus_is_named(tmp_path):
    with pytest.raises(CheckError, match=r"^resources\.gpus: 1 for each task"):
        planned(tmp_path, resources={"gpus": 1})


def test_fixed_networks_are_trained_on_every_draw(tmp_path):
    recipe = SWEEP["recipe"] | {"init": "fixed", "inits_per_step": 3}
    tuning = {"rates": [0.01, 0.1], "draws": 7}
    assert planned(tmp_path, recipe=recipe, tuning=tuning).baseline_networks == (2 * 3 + 3) * 7
    # Random ones are dealt out over the draws.
    assert planned(tmp_path, tuning=tuning).baseline_networks == 2 * SWEEP["evaluate"]["inits"] + 5


@pytest.mark.parametrize(("init", "networks"), [("random", 30 + 2 + 2 + 5), ("fixed", 2 * 3)])
def test_networks_that_are_trained_before_are_counted_and_timed(tmp_path, init, networks):
    changes = {
        "init": init,
        "inits_per_step": 2,
        "pretrained": {"data": "digits", "passes": 4, "pool": 30},
        "outer_steps": 1,
    }
    evaluate = SWEEP["evaluate"] | {"inits": 2, "final": {"inits": 5, "runs": 2}}
    sweep = read(
        str(write_sweep(tmp_path, recipe=SWEEP["recipe"] | changes, evaluate=evaluate, full_data={"inits": 7}))
    )
    counted, timed = outlook(sweep, probe=False), outlook(sweep)
    assert counted.pretraining.networks == timed.pretraining.networks == networks
    assert counted.full_data.networks == 7
    assert counted.pretraining.seconds == 0
    # Four passes take longer than the three of the reference, over as many examples.
    assert timed.pretraining.seconds_a_network > timed.full_data.seconds_a_network / 2 > 0
    assert timed.seconds * timed.slots > timed.pretraining.seconds + timed.full_data.seconds


def test_memory_is_in_bytes_everywhere(monkeypatch):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    monkeypatch.setattr("sys.platform", "linux")
    assert module._peak_memory() >= 1024 * peak
    monkeypatch.setattr("sys.platform", "darwin")
    assert peak <= module._peak_memory() < 2 * peak


def test_a_budget_in_time_is_said(tmp_path):
    console = Console(file=io.StringIO(), width=120)
    render(planned(tmp_path, search=SWEEP["search"] | {"hours": 2, "device_hours": 7.5}), console)
    assert "4, fewer where 2 h on the clock or 7.5 h of devices is spent first" in console.file.getvalue()

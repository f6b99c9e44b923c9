"""A file of a run that is cut at any byte, as only a broken disk could leave it, is never read as data.

Parts are in test_records_crashes.py, distilled sets in test_distilled_table.py; the others are here.
"""

import json
import os

import pytest
import torch

from distiller.network_files import name_of, write_network
from distiller.recipe import Recipe
from distiller.state import State
from orchestrator.events import Events
from orchestrator.frozen import freeze
from orchestrator.lease import Lease, LeaseHeld
from orchestrator.opening import Run, RunError, open_run
from orchestrator.plan import search_job
from orchestrator.run_files import read_events
from orchestrator.standing_file import read_standing, write_standing
from orchestrator.storage import Storage
from sweeps.sweep import build
from tests.orchestrator.test_progress import SNAPSHOT
from tests.orchestrator.tiny_sweep import SWEEP

SWEEP_READ = build(SWEEP, lambda path: None)


def cuts(path, step=1):
    """Yield each length that is less than the file's, with the file cut to it."""
    whole = path.read_bytes()
    for length in range(0, len(whole), step):
        path.write_bytes(whole[:length])
        yield length
    path.write_bytes(whole)


def test_a_state(tmp_path):
    tensors = {"inputs": torch.ones(1, 2, 1, 2, 2), "labels": torch.ones(1, 2, 2), "raw_rates": torch.zeros(1)}
    state = State(3, tensors, {"mean.inputs": torch.zeros(2)}, {"loss": torch.zeros(3)}).to_bytes()
    storage, job = Storage(tmp_path), search_job(SWEEP_READ, 0, {})
    storage.write_state(job, state)
    (path,) = (tmp_path / "states").iterdir()
    for _ in cuts(path):
        assert storage.read_state(job) is None
        assert not path.exists()
    assert storage.read_state(job) == state


def test_a_trained_network(tmp_path):
    pretrained = {"data": "digits", "passes": 1, "lr": 0.01, "batch": 32, "pool": 2}
    recipe = Recipe.parse(SWEEP["recipe"] | {"pretrained": pretrained})
    payload, name = write_network(recipe, 5, ["weight"], (torch.ones(3),)), name_of(recipe, 5)
    storage = Storage(tmp_path)
    storage.write_network(name, payload)
    for _ in cuts(tmp_path / "networks" / f"{name}.safetensors"):
        assert not storage.has_network(name)
    assert storage.has_network(name)


def test_the_frozen_sweep(tmp_path):
    freeze(Run(tmp_path, SWEEP_READ, (4,), SWEEP_READ.digest()))
    path = tmp_path / "sweep.json"
    path.write_bytes(path.read_bytes().rstrip())
    for _ in cuts(path):
        with pytest.raises(RunError, match=r"sweep\.json: damaged"):
            open_run(tmp_path)
    assert open_run(tmp_path).sweep == SWEEP_READ


def test_what_a_driver_says_of_itself(tmp_path):
    write_standing(tmp_path, SNAPSHOT)
    for _ in cuts(tmp_path / "standing.json"):
        assert read_standing(tmp_path) is None
    assert read_standing(tmp_path)[0] == SNAPSHOT


def test_a_lease_that_nobody_can_read_is_held(tmp_path):
    Lease.take(tmp_path)
    path = tmp_path / "lease.json"
    path.write_bytes(path.read_bytes().rstrip())
    for _ in cuts(path):
        with pytest.raises(LeaseHeld, match=r"held by an unreadable lease\.json"):
            Lease.take(tmp_path)
    with pytest.raises(LeaseHeld, match=f"held by process {os.getpid()}"):
        Lease.take(tmp_path)


def test_the_log_has_whole_events_alone(tmp_path):
    events = Events(tmp_path)
    for number in range(4):
        events.say("stage", number=number)
    path = tmp_path / "events.jsonl"
    whole = path.read_bytes()
    ends = [index for index, byte in enumerate(whole) if byte == ord("\n")]
    for length in cuts(path):
        found = [event.about["number"] for event in read_events(tmp_path)]
        assert found == list(range(sum(end <= length for end in ends)))
    assert len(json.loads(whole.splitlines()[-1])) == 3

"""A sweep on a Ray of several nodes, under disturbances: its rows are those of the undisturbed run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.runs import run
from tests.orchestrator.tiny_sweep import SWEEP, rows, write_sweep

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CHANGES = {
    "recipe": SWEEP["recipe"] | {"outer_steps": 10, "batch": 256, "inits_per_step": 2},
    "search": SWEEP["search"] | {"trials": 3},
    "evaluate": {"validation": 1200, "inits": 4, "shard": 2, "final": {"top": 1, "inits": 4}},
    "baselines": [],
    "resources": {"segment": 1},
}
HUNGRY = CHANGES | {"recipe": CHANGES["recipe"] | {"network": "hungry:Net"}}


def comparable(folder):
    """Return the rows without times, nodes and attempts."""
    found = rows(folder)
    found["trials"] = [
        json.dumps({name: value for name, value in json.loads(row).items() if name != "attempts"})
        for row in found["trials"]
    ]
    return found


def undisturbed(folder, changes):
    return comparable(run(str(write_sweep(folder, **changes)), folder / "undisturbed", inline=True).folder)


def disturbed(folder, disturbance, **environment):
    """Run the sweep in ``folder`` under the disturbance; return what it did, and how often attempts failed by class."""
    env = os.environ | {"PYTHONPATH": f"{ROOT}:{Path(__file__).parent}"} | environment
    command = [sys.executable, "-m", "tests.orchestrator.chaotic", disturbance, folder / "tiny.yaml", folder / "run"]
    ran = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=1200)
    lines = [line for line in ran.stdout.splitlines() if line.startswith("{")]
    assert lines, ran.stderr
    said = json.loads(lines[-1])
    assert said["ended"] == "done", said
    return said["disturbed"]


def failed_attempts(folder):
    events = map(json.loads, (folder / "events.jsonl").read_text().splitlines())
    return [event["kind"] for event in events if event["event"] == "attempt" and event["kind"] != "done"]


@pytest.mark.parametrize(
    "disturbance, kinds",
    [("workers", {"crash"}), ("nodes", {"node", "crash", "lost"}), ("raylet", {"node", "crash", "lost"})],
)
def test_the_rows_are_those_of_the_undisturbed_run(tmp_path, disturbance, kinds):
    expected = undisturbed(tmp_path, CHANGES)
    assert disturbed(tmp_path, disturbance), "nothing happened to the run"
    assert set(failed_attempts(tmp_path / "run")) <= kinds
    assert comparable(tmp_path / "run") == expected


def test_a_task_that_is_stuck_is_ended_by_the_sweep_s_limit_and_the_rows_are_the_same(tmp_path):
    changes = CHANGES | {"resources": {"segment": 1, "timeout": 60}}
    expected = undisturbed(tmp_path, changes)
    assert disturbed(tmp_path, "stuck")
    # On a slow machine another task may come to take a minute too.
    assert set(failed_attempts(tmp_path / "run")) == {"timeout"}
    assert comparable(tmp_path / "run") == expected


def test_a_task_for_which_memory_runs_out_gets_more_and_the_rows_are_the_same(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)
    expected = undisturbed(tmp_path, HUNGRY)
    tokens = tmp_path / "tokens"
    tokens.mkdir()
    for number in range(3):
        (tokens / str(number)).touch()
    assert disturbed(tmp_path, "memory", HUNGRY=str(tokens))
    assert set(failed_attempts(tmp_path / "run")) == {"memory"}
    assert comparable(tmp_path / "run") == expected

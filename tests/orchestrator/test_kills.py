"""Kill -9 the driver at random moments, ten times in one sweep; each time resume, and compare with the undisturbed run."""

import contextlib
import json
import random
import signal
import time

import pytest

from orchestrator.records import read
from orchestrator.runs import run
from tests.orchestrator.killed_driver import drive
from tests.orchestrator.tiny_sweep import SWEEP, rows, stillhouse, write_sweep

# Enough work that ten kills fall into it: the segments of one outer step are a tenth of a second or so each.
CHANGES = {
    "recipe": SWEEP["recipe"] | {"outer_steps": 15, "batch": 256, "inits_per_step": 2},
    "resources": {"segment": 1},
    "search": SWEEP["search"] | {"trials": 5},
}
KILLS = 10
"""Drivers that are to be killed; on a fast machine some of them have ended before."""


def committed(folder):
    """Return every committed row with its times: a row that is computed again gets others."""
    if not (folder / "sweep.json").exists():
        return set()
    return {
        (table, json.dumps(row, sort_keys=True))
        for table in ("trials", "evaluations", "curves")
        for row in read(folder, table).to_pylist()
    }


def wait_until(condition, process, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)


def progress(folder):
    """Return what changes on disk whenever a task has ended."""
    found = set()
    for path in [*folder.glob("states/*.safetensors"), *folder.glob("*/part-*")]:
        with contextlib.suppress(FileNotFoundError):  # the driver clears a state away once its successor is there
            found.add((path.name, path.stat().st_mtime_ns))
    return found


def said_by_this_driver(folder, process):
    """Return the events since the newest driver started; nothing before it has."""
    text = (folder / "events.jsonl").read_text()
    started = text.count('"driver_started"')
    process.drivers_before = getattr(process, "drivers_before", started)
    return text.rpartition('"driver_started"')[2] if started > process.drivers_before else ""


def kill_at(moment, folder, process, chance):
    """Wait for the ``moment`` in the life of a driver, then kill it; return whether it was still alive."""
    if moment == "before the first row":
        wait_until((folder / "sweep.json").exists, process)
    elif moment == "in the final":
        wait_until(lambda: '"stage", "stage": "final"' in said_by_this_driver(folder, process), process)
        time.sleep(chance.uniform(0, 0.1))
    else:
        before = progress(folder)
        wait_until(lambda: progress(folder) - before, process)
        time.sleep(chance.uniform(0, 0.5))
    alive = process.poll() is None
    process.kill()
    process.wait()
    return alive


def kill_ten_times(tmp_path, *options):
    expected = rows(run(str(write_sweep(tmp_path, **CHANGES)), tmp_path / "undisturbed", inline=True).folder)
    folder, chance, kills, kept = tmp_path / "run", random.Random(0), 0, set()
    moments = ["before the first row", *["at random"] * (KILLS - 2), "in the final"]
    command = ("run", tmp_path / "tiny.yaml", "--out", folder)
    for moment in moments:
        process = stillhouse(*command, *options, wait=False)
        kills += kill_at(moment, folder, process, chance)
        assert process.returncode in (0, -signal.SIGKILL), process.stderr.read()
        # What was committed before is there as it was, to the last digit of its seconds.
        assert kept <= committed(folder)
        kept = committed(folder)
        command = ("resume", folder)
    ended = stillhouse("resume", folder, *options)
    # Had the dead driver's lease counted, this one would have been refused.
    assert ended.returncode == 0, ended.stderr_text
    assert kept <= committed(folder)
    assert rows(folder) == expected
    return kills


def test_ten_kills_lose_nothing_and_double_nothing(tmp_path):
    assert kill_ten_times(tmp_path, "--inline") >= KILLS // 2


@pytest.mark.slow
def test_ten_kills_on_ray_lose_nothing_and_double_nothing(tmp_path):
    assert kill_ten_times(tmp_path) >= KILLS // 2


KILLS_OF_A_SWEEP = 9
LINEAR = SWEEP["recipe"] | {"network": "tests.orchestrator.small_network:Linear", "outer_steps": 3}
SWEEPS = {
    "search and a baseline": {"recipe": LINEAR, "resources": {"segment": 1}},
    "fixed": {
        "recipe": LINEAR | {"init": "fixed", "labels": "hard", "inits_per_step": 3},
        "search": None,
        "evaluate": {"validation": 1200, "inits": 3, "final": {"top": 1, "inits": 3, "runs": 3}},
        "baselines": ["k_means", "knn_random_real"],
        "tuning": {"rates": [0.01, 0.1], "neighbours": [1], "norms": [2], "draws": 2},
    },
    "several runs of the best": {
        "recipe": LINEAR,
        "search": SWEEP["search"] | {"trials": 3, "sampler": "random"},
        "evaluate": SWEEP["evaluate"] | {"shard": 1, "final": {"top": 2, "inits": 3, "runs": 2}},
        "baselines": ["learned_labels"],
        "resources": {"segment": 2},
    },
    "labels": {
        "recipe": {
            "data": "digits",
            "network": LINEAR["network"],
            "init_scheme": "default",
            "method": "ridge",
            "inner_batch": 10,
            "patience": 2,
            "outer_steps": 3,
            "batch": 64,
            "selection": {"every": 1},
        },
        "search": {"trials": 2, "lag": 1, "space": {"method": {"choice": ["labels", "ridge"]}}},
        "evaluate": {"validation": 1200, "inits": 2, "final": {"inits": 2}},
        "baselines": [],
    },
    "a race and rungs": {
        "recipe": LINEAR | {"outer_steps": 5},
        "search": SWEEP["search"] | {"trials": 6, "rungs": [1, 3]},
        "evaluate": {"validation": 1200, "inits": [5, 8], "shard": 2, "final": {"top": 1, "inits": 2}},
        "resources": {"segment": 2},
    },
    "networks that were trained before": {
        "recipe": LINEAR | {"pretrained": {"data": "digits", "passes": 1, "lr": 0.01, "batch": 256, "pool": 3}},
        "search": SWEEP["search"] | {"trials": 2},
        "evaluate": {"validation": 1200, "inits": 2, "final": {"top": 1, "inits": 2}},
        "full_data": {"passes": 1, "lr": 0.01, "batch": 256, "inits": 2},
        "baselines": ["optimised_real"],
        "tuning": {"rates": [0.02], "draws": 2, "optimised": {"sets": 2, "keep": 1, "inits": 2}},
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SWEEPS)
def test_a_kill_before_any_step_loses_nothing(tmp_path, name):
    """Nine times a sweep, 54 in all: at steps that are drawn, however many of them a machine takes in a second."""
    sweep, chance, kills, number = write_sweep(tmp_path, **SWEEPS[name]), random.Random(name), 0, 0
    steps = drive(sweep, tmp_path / "undisturbed")
    expected = rows(tmp_path / "undisturbed")
    while kills < KILLS_OF_A_SWEEP:
        number += 1
        folder, kept, killed = tmp_path / f"run-{number}", set(), True
        while killed:
            deadly = chance.randint(1, steps // 3) if kills < KILLS_OF_A_SWEEP else None
            killed = drive(sweep, folder, deadly) is None
            kills += killed
            # What was committed before is there as it was, to the last digit of its seconds.
            assert kept <= committed(folder)
            kept = committed(folder)
        assert rows(folder) == expected
        assert not list(folder.rglob(".*.tmp-*"))
        assert not list(folder.glob("states/*"))
    assert kills == KILLS_OF_A_SWEEP

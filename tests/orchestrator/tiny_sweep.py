"""A sweep that a test runs in seconds, on real data, and what of its rows has to be the same however it was run."""

import json
import os
import subprocess
import sys
from pathlib import Path

from orchestrator.records import read

TIMES_AND_PLACES = {"seconds", "device_seconds", "device", "node"}

SWEEP = {
    "name": "tiny",
    "seed": 3,
    "recipe": {
        "data": "digits",
        "network": "lenet",
        "labels": "soft",
        "outer_steps": 4,
        "batch": 32,
        "memory": "saved",
    },
    "search": {
        "trials": 4,
        "lag": 2,
        "space": {"steps": {"int": [1, 3]}, "distill_lr": {"float": [0.01, 0.1], "log": True}},
    },
    "evaluate": {"validation": 1200, "inits": 4, "shard": 3, "final": {"top": 2, "inits": 5, "runs": 1}},
    "baselines": ["random_real"],
}


def write_sweep(folder, **changes):
    """Write the sweep with top-level ``changes`` as a file in ``folder`` (JSON is YAML); return its path."""
    path = Path(folder) / "tiny.yaml"
    path.write_text(json.dumps(SWEEP | changes))
    return path


def rows(folder):
    """Return what has to be equal: every table's rows by key, without times and places, and the distilled files' names."""
    tables = {}
    for table in ("trials", "evaluations", "curves"):
        kept = [{k: v for k, v in row.items() if k not in TIMES_AND_PLACES} for row in read(folder, table).to_pylist()]
        tables[table] = sorted(json.dumps(row, sort_keys=True) for row in kept)
    return tables | {"distilled": sorted(path.name for path in (folder / "distilled").glob("*"))}


def stillhouse(*arguments, wait=True, **options):
    """Start the command line in a process of its own, in the sweep's folder; return it, ended if ``wait``."""
    command = [sys.executable, "-m", "orchestrator.cli", *map(str, arguments)]
    root = str(Path(__file__).parents[2])
    env = os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1"} | options.pop("env", {})
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = subprocess.Popen(command, env=env, **(pipes | options))
    if not wait:
        return started
    started.stdout_text, started.stderr_text = started.communicate(timeout=280)
    return started

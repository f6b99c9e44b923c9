"""A run as its files are while a driver is at work on it, and after some more work."""

import json

from orchestrator.records import Records, schema_of
from orchestrator.storage import Storage
from tests.orchestrator.test_export import distilled
from tests.orchestrator.written_runs import (
    PARAMS,
    baseline_rows,
    evaluations,
    point,
    trial,
    tune_rows,
    write_run,
)


def steps(number, first, last, run=0):
    """Return points of a curve; the accuracy of a step is a thousandth of it."""
    return [point(number, run, step) | {"accuracy": step / 1000} for step in range(first, last)]


def begin(folder, name="small"):
    """Write a run of which trial 0 is complete, with a set, and trial 2 is at work; return its folder."""
    digest = Storage(folder).write_distilled(distilled())
    searched = evaluations("search", [0.8, 0.82, 0.84, 0.7, 0.9], trial=0, split="validation")
    rows = [trial(0, 0.80, 0.02, 0.0115, distilled=digest)]
    return write_run(folder, trials=rows, evaluations=searched, curves=steps(0, 0, 5) + steps(2, 0, 3), name=name)


def go_on(folder):
    """Commit more: trial 2's curve goes on, trial 1 fails, the final measures trial 0 and distils it anew."""
    final = evaluations("final", [0.7, 0.8], trial=0) + evaluations("final", [0.6], trial=0, run=1)
    failed = trial(1, status="failed", cause="memory", error="CUDA out of memory", distilled=None)
    append(folder, "curves", steps(2, 3, 6) + steps(0, 0, 4, run=1))
    append(folder, "evaluations", final + baseline_rows() + tune_rows())
    append(folder, "trials", [failed])


def append(folder, table, rows, params=PARAMS):
    """Commit rows as a driver does."""
    records = Records(folder, params)
    recipe = json.dumps(json.loads((folder / "sweep.json").read_bytes())["sweep"]["recipe"])
    given = [row | ({"recipe": recipe} if table == "trials" else {}) for row in rows]
    records.append(table, [{key: row[key] for key in schema_of(table).names} for row in given])
    records.flush()

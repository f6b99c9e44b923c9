"""Runs on disk with chosen figures: a real sweep file, real Parquet parts, nothing distilled."""

import json

import pyarrow as pa

from orchestrator.records import Records, schema_of
from orchestrator.storage import write_json
from sweeps import read

SWEEP = """
about: A sweep with [brackets], to be shown as they are.
seed: 1
recipe: {data: digits, network: lenet, steps: 2, outer_steps: 10}
search:
  trials: 4
  space:
    steps: {int: [1, 5]}
    outer_lr: {float: [0.001, 0.1], log: true}
evaluate: {validation: 360, inits: 3, final: {top: 1, inits: 4}}
baselines: [random_real]
"""
WITHOUT_SEARCH = """
recipe: {data: digits, network: lenet, init: fixed, outer_steps: 10}
evaluate: {validation: 360, inits: 1, final: {inits: 1, runs: 2}}
published: {accuracy: "96.13", source: "SLDD, Table 2"}
"""
PARAMS = pa.struct([("steps", pa.int64()), ("outer_lr", pa.float64())])


def write_run(
    folder, text=SWEEP, trials=(), evaluations=(), curves=(), finals=None, name="small", params=PARAMS, ended=None
):
    """Write a run of the sweep ``text`` with these rows; return its folder.

    ``params`` is the type of what was searched, ``ended`` says of each final which time budget ended its search.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder.parent / f"{name}.yaml"
    path.write_text(text)
    sweep = read(str(path))
    finals = finals or [sweep.search.trials if sweep.search else 1]
    about = {"finals": finals} | ({} if ended is None else {"ended": ended})
    write_json(folder / "sweep.json", {"version": 1, "digest": sweep.digest(), "sweep": sweep.frozen(), **about})
    records = Records(folder, params if sweep.search else None)
    for row in trials:
        row["recipe"] = json.dumps(sweep.recipe_for(row["params"] or {}).plain())
    # Columns that this version does not have yet are left out.
    for table, rows in (("evaluations", evaluations), ("curves", curves), ("trials", trials)):
        records.append(table, [{key: row[key] for key in schema_of(table).names} for row in rows])
    records.flush()
    return folder


def trial(number, mean=None, sd=None, se=None, n=3, status="complete", **changes):
    row = {
        "trial": number, "status": status, "cause": None, "params": {"steps": 2, "outer_lr": 0.0123456}, "recipe": "",
        "objectives": None if mean is None else [mean], "inits": n if mean is not None else 0, "accuracy_mean": mean,
        "accuracy_sd": sd, "accuracy_se": se, "distilled": f"{number:x}" * 64, "outer_steps": 10, "seconds": 30.0,
        "device_seconds": 20.0, "attempts": 1, "error": None,
    }  # fmt: skip
    return row | changes


def evaluations(phase, accuracies, first=0, **changes):
    """Return a row for each of ``accuracies``, of initialisations from ``first`` on."""
    row = {
        "trial": 0, "phase": phase, "run": 0, "draw": 0, "split": "test", "network": "lenet", "accuracy_before": None,
        "loss": 0.3, "chunk": 8, "device": "cpu", "node": "here", "rate": None, "neighbours": None, "norm": None, "seconds": 0.5,
        "distilled": None,
        "overall_accuracy": None, "class_accuracies": None, "attack_share": None, "training": None, "init_scheme": None,
    }  # fmt: skip
    row |= changes
    return [row | {"init": first + i, "seed": first + i, "accuracy": accuracy} for i, accuracy in enumerate(accuracies)]


def point(number, run, step, loss=2.0, seconds=1.5):
    return {
        "trial": number, "run": run, "outer_step": step, "loss": loss, "accuracy": None, "gradient_norm": 1.0, "validation": None,
        "seconds": seconds,
    }  # fmt: skip


def finished_trials():
    """Return the rows of the four trials of `SWEEP`: two complete, one failed, one diverged; trial 1 is the best."""
    return [
        trial(0, 0.80, 0.02, 0.0115),
        trial(1, 0.85, 0.03, 0.0173),
        trial(2, status="failed", cause="memory", error="\nCUDA out of [memory]\nand a traceback"),
        trial(3, status="diverged", cause="diverged", error="the outer loss is not finite at step 3"),
    ]


def search_rows():
    """Return the networks of the search: three for each trial that has some."""
    return [row for n in (0, 1) for row in evaluations("search", [0.8, 0.82, 0.84], trial=n, split="validation")]


def final_rows(phase="final", number=1, **changes):
    """Return four networks: mean 0.83, deviations -0.03, -0.01, 0.01, 0.03."""
    return evaluations(phase, [0.80, 0.82, 0.84, 0.86], trial=number, accuracy_before=0.1, **changes)


def tune_rows(phase="tune/random_real"):
    """Return three networks on a draw each for each rate; the fifth rate, 0.03, is the best, with the sixth."""
    means = [0.2, 0.3, 0.4, 0.5, 0.6, 0.6, 0.5, 0.1, 0.1, 0.1]
    about = {"trial": -1, "split": "validation"}
    rows = [
        evaluations(phase, [means[k]], run=k, draw=d, first=d, **about) for k in range(len(means)) for d in range(3)
    ]
    return [row for part in rows for row in part]


def baseline_rows(phase="baseline/random_real", accuracies=(0.5, 0.6, 0.6, 0.7)):
    """Return one network on each of four draws: mean 0.6, deviations -0.1, 0, 0, 0.1."""
    about = {"trial": -1, "rate": 0.03}
    return [row for d, value in enumerate(accuracies) for row in evaluations(phase, [value], first=d, draw=d, **about)]


def write_whole_run(folder, text=SWEEP, **changes):
    """Write a run of which everything is done."""
    rows = search_rows() + final_rows() + tune_rows() + baseline_rows()
    return write_run(folder, text, finished_trials(), rows, **changes)


def write_events(folder, *events):
    """Write an event log of (seconds past noon, event)."""
    lines = [
        json.dumps({"time": f"2026-01-01T12:{s // 60:02}:{s % 60:02}+00:00", "event": event}) for s, event in events
    ]
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")

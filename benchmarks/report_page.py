"""A report of a run with a million evaluations, in parts as a long run leaves them: how long its page takes, and how large it is.

Prints seconds and bytes; the bounds are 30 s and 20 MB. Nine tenths of the rows are the search's, on 1,000 trials; the
others are the final's, of three runs of each of 16 trials.
Usage: python benchmarks/report_page.py [--rows 1000000] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from distiller.distilled import Distilled
from orchestrator.distilled_table import write_distilled
from orchestrator.page import write_page
from orchestrator.parts import part_name
from orchestrator.publish import make_folder
from orchestrator.records import Records, schema_of
from orchestrator.storage import write_json
from sweeps import Sweep, read

TRIALS, FINALISTS, RUNS, CURVE = 1_000, 16, 3, 200
PART = 20_000
SWEEP = """
name: million
recipe: {data: mnist, network: lenet, labels: soft, steps: 10, epochs: 3}
search:
  trials: 1000
  space: {steps: {int: [1, 20]}, distill_lr: {float: [0.001, 0.1], log: true}, outer_lr: {float: [0.001, 0.1], log: true}}
evaluate: {validation: 10000, inits: 900, final: {top: 16, inits: 2083, runs: 2}}
"""
PARAMS = pa.struct([("steps", pa.int64()), ("distill_lr", pa.float64()), ("outer_lr", pa.float64())])


def noise(number: int) -> float:
    """Return a number of 0 .. 1 that looks random."""
    return (number * 7919 % 10007) / 10007


def params(trial: int) -> dict[str, float]:
    """Return what the search chose for a trial."""
    rates = {"distill_lr": 0.001 * 100 ** noise(trial + 3), "outer_lr": 0.001 * 100 ** noise(trial * 31 + 7)}
    return {"steps": 1 + trial * 13 % 20, **rates}


def write_part(
    folder: Path, number: int, phase: str, trials: np.ndarray, runs: np.ndarray, inits: np.ndarray, digest: str
) -> None:
    """Write a part of evaluations, of as many rows as a merged copy of a driver's has."""
    rows, schema = len(trials), schema_of("evaluations")
    accuracies = (
        0.7 + 0.1 * (trials * 7919 % 10007) / 10007 + 0.05 * ((inits * 17 + trials + runs) * 7919 % 10007) / 10007
    )
    same = {
        "phase": phase,
        "draw": 0,
        "split": "validation" if phase == "search" else "test",
        "network": "lenet",
        "loss": 0.3,
    }
    same |= {"chunk": 8, "device": "cpu", "node": "here", "seconds": 0.1, "distilled": digest}
    columns = {name: pa.repeat(pa.scalar(value, schema.field(name).type), rows) for name, value in same.items()}
    varied = {"trial": trials, "run": runs, "init": inits, "seed": inits, "accuracy": accuracies}
    columns |= {name: pa.array(values).cast(schema.field(name).type) for name, values in varied.items()}
    table = [columns.get(field.name, pa.nulls(rows, field.type)) for field in schema]
    make_folder(folder / "evaluations")
    pq.write_table(pa.table(table, schema=schema), folder / "evaluations" / part_name(number), compression="zstd")


def write_trials(records: Records, sweep: Sweep, digest: str) -> None:
    """Write every trial and its curve."""
    for trial in range(TRIALS):
        chosen = params(trial)
        mean = 0.7 + 0.1 * noise(trial) + 0.025
        row = {
            "trial": trial,
            "status": "complete",
            "params": chosen,
            "recipe": json.dumps(sweep.recipe_for(chosen).plain()),
        }
        row |= {"objectives": [mean], "inits": 900, "accuracy_mean": mean, "accuracy_sd": 0.015, "accuracy_se": 0.0007}
        row |= {
            "distilled": digest,
            "outer_steps": CURVE,
            "seconds": 60.0,
            "device_seconds": 50 + 30 * noise(trial),
            "attempts": 1,
        }
        steps = [
            dict.fromkeys(schema_of("curves").names)
            | {
                "trial": trial,
                "run": 0,
                "outer_step": step,
                "loss": 2.3 / (1 + step),
                "gradient_norm": 1.0,
                "seconds": 0.2,
            }
            for step in range(CURVE)
        ]
        records.append("curves", steps)
        records.append("trials", [dict.fromkeys(schema_of("trials").names) | row])


def write_evaluations(folder: Path, rows: int, digest: str) -> None:
    """Write nine tenths of the rows for the search, a tenth for the final."""
    best = sorted(range(TRIALS), key=lambda trial: -noise(trial))[:FINALISTS]
    searched, final = rows * 9 // 10 // TRIALS, rows // 10 // (FINALISTS * RUNS)
    number = 0
    for phase, trials, runs, inits in (("search", range(TRIALS), 1, searched), ("final", best, RUNS, final)):
        keys = np.array([(trial, run, init) for trial in trials for run in range(runs) for init in range(inits)])
        for first in range(0, len(keys), PART):
            write_part(folder, number, phase, *keys[first : first + PART].T, digest)
            number += 1


def write(folder: Path, rows: int) -> None:
    """Write the whole run."""
    path = folder.parent / "million.yaml"
    path.write_text(SWEEP)
    sweep = read(str(path))
    folder.mkdir()
    frozen = {"version": 1, "digest": sweep.digest(), "sweep": sweep.frozen(), "finals": [TRIALS]}
    write_json(folder / "sweep.json", frozen)
    inputs, labels = torch.rand(10, 10, 1, 28, 28), torch.rand(10, 10, 10)
    distilled = Distilled(inputs, labels, torch.full((30,), 0.02), 3, 10, (0.13,), (0.31,), "mnist", "lenet")
    digest = write_distilled(folder / "distilled", distilled)
    write_evaluations(folder, rows, digest)
    records = Records(folder, PARAMS)
    write_trials(records, sweep, digest)
    records.flush()
    records.merge()


def main() -> None:
    """Write the run, then its page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where to write; left out: a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name) / "run"
        began = time.perf_counter()
        write(folder, options.rows)
        print(f"written in {time.perf_counter() - began:.0f} s", flush=True)
        began, busy = time.perf_counter(), time.process_time()
        page = write_page(folder)
        seconds, size = time.perf_counter() - began, page.stat().st_size
        busy = time.process_time() - busy
        print(
            f"{options.rows:,} evaluations, {TRIALS:,} trials: page in {seconds:.1f} s ({busy:.1f} s of CPU), {size / 1e6:.2f} MB"
        )


if __name__ == "__main__":
    main()

"""A run as a long sweep leaves it, made without distilling anything: every row that its driver would commit, in a driver's parts.

The sweep, its plan, the tables' writer and one distilled set are the real ones; figures are made up from the rows' keys.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from distiller.distilled import Distilled
from distiller.seeds import derive
from orchestrator.baseline_plan import BESIDES
from orchestrator.estimate import standard_deviation
from orchestrator.events import Events
from orchestrator.ledger import Ledger
from orchestrator.params import params_type, space_of
from orchestrator.plan import Job, final_jobs, search_job
from orchestrator.records import Records, schema_of
from orchestrator.storage import Storage, write_json
from sweeps import Sweep, read

OUTER_STEPS, FLUSH = 200, 100


def long_sweep(rows: int, folder: Path) -> Sweep:
    """Return a sweep of 1,000 trials whose run has about ``rows`` evaluations, nine tenths of them in the search."""
    text = f"""
name: long
recipe: {{data: mnist, network: lenet, labels: soft, outer_steps: {OUTER_STEPS}}}
search:
  trials: 1000
  space: {{steps: {{int: [1, 5]}}, outer_lr: {{float: [0.001, 0.1], log: true}}, inputs: {{choice: [noise, real]}}}}
evaluate: {{validation: 10000, inits: {rows * 9 // 10_000}, final: {{top: 10, runs: 9, inits: {rows // 1000}}}}}
baselines: [random_real]
"""
    path = folder / "long.yaml"
    path.write_text(text)
    return read(str(path))


def write_long_run(folder: Path, rows: int) -> Records:
    """Write the run into ``folder``, a part every `FLUSH` rows, as a driver does; return its tables' writer."""
    folder.mkdir(parents=True)
    sweep = long_sweep(rows, folder.parent)
    about = {"version": 1, "digest": sweep.digest(), "sweep": sweep.frozen(), "finals": [1000]}
    write_json(folder / "sweep.json", about)
    digest = Storage(folder).write_distilled(_made_up(sweep))
    Events(folder).say("driver_started", slots=100, finals=[1000])
    space = space_of(sweep)
    records, ledger = Records(folder, params_type(space)), Ledger()
    for number in range(1000):
        params = {
            "steps": 1 + number % 5,
            "outer_lr": 0.001 * 100 ** (number % 97 / 97),
            "inputs": ("noise", "real")[number % 2],
        }
        _measure(records, ledger, search_job(sweep, number, params), digest)
        row = _trial_row(ledger, search_job(sweep, number, params), params, digest)
        records.append("trials", [row])
        ledger.add_trial(row)
    for plan in (final_jobs, *BESIDES):
        for job in plan(sweep, ledger, 1):
            _measure(records, ledger, job, digest if job.distils else None)
    records.flush()
    Events(folder).say("done", signal=None)
    return records


def _made_up(sweep: Sweep) -> Distilled:
    generator = torch.Generator().manual_seed(0)
    about = {"epochs": 1, "classes": 10, "data": "mnist", "network": sweep.recipe.network}
    tensors = {"inputs": torch.randn(1, 10, 1, 28, 28, generator=generator), "labels": torch.eye(10)[None]}
    return Distilled(**tensors, rates=torch.tensor([0.02]), mean=(0.1307,), std=(0.3081,), **about)


def _measure(records: Records, ledger: Ledger, job: Job, digest: str | None) -> None:
    """Commit a job's curve, unless it is there, and a row for each of its networks."""
    if job.distils and not records.has("curves", (job.trial, job.run, 0)):
        for first in range(0, OUTER_STEPS, FLUSH):
            records.append("curves", [_point(job, step) for step in range(first, first + FLUSH)])
    for shard in job.shards:
        key = dict(zip(("trial", "phase", "run", "draw", "split", "network"), shard.series, strict=True))
        key |= {"rate": getattr(job.setting, "rate", None), "distilled": digest}
        rows = list(_evaluations(job, key, shard.stream, shard.first, shard.last))
        records.append("evaluations", rows)
        ledger.add_evaluations(rows)


def _evaluations(job: Job, key: Mapping[str, Any], stream: str, first: int, last: int) -> Iterator[dict[str, Any]]:
    empty = dict.fromkeys(schema_of("evaluations").names)
    about = {"chunk": 8, "device": "cpu", "node": "here", "seconds": 0.1, "loss": 0.3}
    for init in range(first, last):
        seed = derive(job.recipe.seed, stream, init)
        quality = hash((job.trial, job.run)) % 1009 / 2018
        accuracy = round(0.4 + quality + (seed % 1999 - 999) / 20_000, 4)
        yield empty | about | dict(key) | {"init": init, "seed": seed, "accuracy": accuracy}


def _point(job: Job, step: int) -> dict[str, Any]:
    empty = dict.fromkeys(schema_of("curves").names)
    place = {"trial": job.trial, "run": job.run, "outer_step": step}
    return empty | place | {"loss": 2.3 / (1 + step), "accuracy": step / 400, "gradient_norm": 1.0, "seconds": 0.2}


def _trial_row(ledger: Ledger, job: Job, params: Mapping[str, Any], digest: str) -> dict[str, Any]:
    accuracies = ledger.in_order(job.shards[0].series)
    mean, sd = sum(accuracies) / len(accuracies), standard_deviation(accuracies)
    figures = {"accuracy_mean": mean, "accuracy_sd": sd, "accuracy_se": (sd or 0.0) / len(accuracies) ** 0.5}
    about = {"status": "complete", "distilled": digest, "recipe": json.dumps(job.recipe.plain()), "objectives": [mean]}
    amounts = {"inits": len(accuracies), "outer_steps": OUTER_STEPS, "seconds": 60.0, "device_seconds": 50.0}
    empty = dict.fromkeys(schema_of("trials").names)
    return empty | {"trial": job.trial, "params": dict(params), "attempts": 1} | figures | about | amounts

"""Measure a trial that does nothing, here and under Ray Tune: seconds of the whole for each trial, in one run, taking turns.

Both use one private Ray of two slots, Optuna's TPE over the same four parameters, and tasks that return at once. Ours commits
everything that a real trial leaves (see `overhead`: a state, a distilled set, a curve of 20 rows, 20 evaluations, a trial's row);
Tune runs `OptunaSearch` with reused actors and writes what it always does. Start-up of Ray is in neither.

Ray Tune's own needs are not among this project's dependencies. Install them into a folder of their own, so that ``.venv`` stays
as it is: ``pip install --no-deps --target /tmp/tune pandas tensorboardX fsspec protobuf pytz python-dateutil six``, then
``PYTHONPATH=.:/tmp/tune .venv/bin/python benchmarks/against_tune.py [--trials 100] [--rounds 1] [--folder .]``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from overhead import SPACE, Load, measure

from cluster.attach import attach
from orchestrator.ray_executor import RayExecutor

_SLOTS = 2


def tune_seconds(trials: int, folder: Path) -> float:
    """Return the seconds that Ray Tune takes for each of ``trials`` trials, its files in ``folder``."""
    from ray import tune
    from ray.tune import RunConfig, TuneConfig
    from ray.tune.search.optuna import OptunaSearch

    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    config = TuneConfig(
        search_alg=OptunaSearch(metric="accuracy", mode="max", seed=1),
        num_samples=trials,
        max_concurrent_trials=_SLOTS,
        metric="accuracy",
        mode="max",
        reuse_actors=True,
    )
    tuner = tune.Tuner(
        tune.with_resources(_trial, {"cpu": 1}),
        param_space=_space(tune),
        tune_config=config,
        run_config=RunConfig(name="tune", storage_path=str(folder.resolve()), verbose=0),
    )
    began = time.perf_counter()
    results = tuner.fit()
    spent = time.perf_counter() - began
    if len(results) != trials or results.num_errors:
        raise RuntimeError(f"expected {trials} trials without errors, found {len(results)} with {results.num_errors}")
    return spent / trials


def _trial(config: dict[str, Any]) -> dict[str, float]:
    return {"accuracy": 1.0 - abs(config["distill_lr"] - 0.02) - abs(config["outer_lr"] - 0.01)}


def _space(tune: Any) -> dict[str, Any]:
    """Return the search's dimensions as Tune names them, whose whole numbers end before the upper one."""
    return {
        name: tune.randint(each["int"][0], each["int"][1] + 1) if "int" in each else tune.loguniform(*each["float"])
        for name, each in SPACE.items()
    }


def main() -> None:
    """Take turns, and print the medians and how they compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=100, help="trials of a round (100)")
    parser.add_argument("--rounds", type=int, default=1, help="rounds that the medians are of (1)")
    parser.add_argument("--folder", type=Path, default=Path(), help="where both write; removed at the end (here)")
    options = parser.parse_args()
    ours, theirs = [], []
    with attach("local", cpus=_SLOTS), tempfile.TemporaryDirectory(prefix=".tune-", dir=options.folder) as name:
        executor = RayExecutor(_SLOTS)
        measure(Load("trial", 0.0, _SLOTS, 20, 20), executor, Path(name))  # imports are no cost of a trial
        for number in range(options.rounds):
            parts = measure(Load("trial", 15.0, options.trials, 20, 20), executor, Path(name))
            ours.append(parts["whole"] / 1e3)
            theirs.append(tune_seconds(options.trials, Path(name) / str(number)))
        executor.close()
    here, there = statistics.median(ours), statistics.median(theirs)
    print(
        f"{options.trials} trials, load average {os.getloadavg()[0]:.0f}: here {1e3 * here:.1f} ms a trial, Ray Tune with reused "
        f"actors {1e3 * there:.1f} ms, {there / here:.1f} times as much"
    )


if __name__ == "__main__":
    main()

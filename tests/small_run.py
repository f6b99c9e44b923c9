"""One whole run of seconds, on real digits, that several tests read."""

from orchestrator import run
from tests.orchestrator.tiny_sweep import write_sweep

SWEEP = {
    "name": "small-run",
    "about": "Digits <b>in seconds</b>.",
    "recipe": {
        "data": "digits", "network": "tests.orchestrator.small_network:Linear", "labels": "soft", "outer_steps": 4, "batch": 32,
    },
    "search": {"trials": 5, "lag": 1, "space": {"steps": {"int": [1, 3]}, "distill_lr": {"float": [0.01, 0.1], "log": True}}},
    "evaluate": {"validation": 1200, "inits": 3, "final": {"top": 2, "inits": 4, "runs": 2}},
    "baselines": ["random_real", "knn_k_means"],
    "full_data": {"passes": 1, "inits": 3},
    "tuning": {"rates": [0.01, 0.1], "draws": 2},
    "published": {"accuracy": "62.75 ± 2.75", "source": "a table", "baselines": {"random_real": "58.6 ± 9.8"}},
}  # fmt: skip


def small_run(folder):
    """Run the sweep in ``folder``; return the run."""
    return run(str(write_sweep(folder, **SWEEP)), folder / "run", inline=True)

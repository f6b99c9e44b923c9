"""What tests of a run's files start from: rows that fit, what lies on the disk, a full disk, a Python that sees these tests."""

import contextlib
import os
import resource
import sys

import pyarrow as pa

from orchestrator.records import KEYS, read

PARAMS = pa.struct([("steps", pa.int64()), ("outer_lr", pa.float64())])


def trial(number, **changes):
    row = {
        "trial": number, "status": "complete", "cause": None, "params": {"steps": 3, "outer_lr": 0.01}, "recipe": "{}",
        "objectives": [0.5], "inits": 10, "accuracy_mean": 0.5, "accuracy_sd": 0.1, "accuracy_se": 0.03, "distilled": "ab" * 32,
        "outer_steps": 100, "seconds": 2.5, "device_seconds": 2.0, "attempts": 3, "error": None,
    }  # fmt: skip
    return row | changes


def evaluation(number, init, **changes):
    row = {
        "trial": number, "phase": "search", "run": 0, "draw": 0, "split": "validation", "network": "lenet", "init": init,
        "seed": 2**64 - 1 - init, "accuracy": 0.9, "accuracy_before": None, "loss": 0.3, "chunk": 8, "device": "cpu",
        "node": "here", "rate": None, "neighbours": None, "norm": None, "seconds": 0.1, "distilled": "ab" * 32,
        "overall_accuracy": None, "class_accuracies": None, "attack_share": None, "training": None, "init_scheme": None,
    }  # fmt: skip
    return row | changes


def point(number, outer_step, **changes):
    row = {
        "trial": number, "run": 0, "outer_step": outer_step, "loss": 2.3, "accuracy": None, "gradient_norm": 1.0,
        "validation": None, "seconds": 0.1,
    }  # fmt: skip
    return row | changes


def keys_on_disk(folder, table):
    return [tuple(row.values()) for row in read(folder, table, KEYS[table]).to_pylist()]


def names(folder):
    """Return the paths of all files below ``folder``, dot-files too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def python(code, *arguments):
    """Return what starts another Python, one that finds the modules that this one finds, as arguments of `Popen`."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return {"args": [sys.executable, "-c", code, *arguments], "env": environment}


@contextlib.contextmanager
def full_disk(size=0):
    """Let no file of this process grow beyond ``size`` bytes: a write beyond it fails as on a full disk, halfway through."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

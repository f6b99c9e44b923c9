"""Measure what the shipped sweeps cost: the `cost:` of each, in minutes of a CPU core and MiB of a task.

What `stillhouse plan` counts, times the processor's own seconds of a few outer steps and networks, so that other programs on the
machine do not enter. Each sweep has a process of its own, for the peak of its memory. Data that are absent are replaced by noise
of their shape and number, which costs the same.

    python benchmarks/sweep_costs.py [NAME ...]
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from unittest import mock

import torch

from distiller import base_examples
from distiller.data import DataError, Dataset, Description, Examples, describe, load, locate
from orchestrator import outlook
from sweeps import read, shipped

_OWN = {
    "data/k49.npz": Description(49, (1, 28, 28), train=232_365, test=38_547),
    "data/cub200@32": Description(200, (3, 32, 32), train=5_994, test=5_794),
}
"""What is known of data that only their owner has."""


def measure(name: str) -> tuple[float, int]:
    """Return core minutes of the whole sweep, and MiB of a task."""
    torch.set_num_threads(1)
    with (
        mock.patch.object(outlook, "load", load_or_stand_in),
        mock.patch.object(base_examples, "load", load_or_stand_in),
        mock.patch.object(time, "perf_counter", time.process_time),
    ):
        found = outlook.outlook(read(name))
    assert found.cost is not None
    assert found.seconds is not None
    return found.seconds * found.slots / 60, found.cost.memory >> 20


def load_or_stand_in(name: str, validation: int = 0, examples: int | None = None) -> Dataset:
    """Return the data set, or noise in its place where it is not here."""
    try:
        locate(name)
        return load(name, validation, examples)
    except DataError:
        about = _OWN[name] if name in _OWN else describe(name)
    counts = (examples or about.train - validation, validation, about.test)
    parts = [Examples(torch.randn(count, *about.shape), torch.arange(count) % about.classes) for count in counts]
    zeros, ones = (0.0,) * about.shape[0], (1.0,) * about.shape[0]
    return Dataset(name, about.classes, about.shape, zeros, ones, *parts)


def main() -> None:
    """Measure the sweeps that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    names = parser.parse_args().names or [each.name for each in shipped()]
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawned, max_tasks_per_child=1) as processes:
        for name, (minutes, memory) in zip(names, processes.map(measure, names), strict=True):
            print(f"{name:<40} cost: {{core_minutes: {minutes:.3g}, memory: {memory}}}", flush=True)


if __name__ == "__main__":
    main()

"""Measure what the driver costs: milliseconds for each trial and each shard of tasks that do nothing.

Claimed: under 15 ms a trial, at 100 trials with their rows committed, and under 2 ms a shard. All but the tasks is real: the
driver's loop, Optuna's TPE over four parameters at lag 8, states, distilled sets and Parquet parts made durable in ``--folder``,
and the figures of the view, four times a second. The tasks are those of `no_op_tasks`, called in this process (the driver alone)
and on a private Ray with two slots (with transport and waiting). Rounds take turns; a figure is the median of them.

``--trials 1000``, and ``--trials 10000 --sampler random --rounds 1 --no-ray``, say what becomes of it; `against_tune` compares it
with Ray Tune, and `scale` puts the driver before a cluster of many slots.

Most of a trial is waiting until the disk has what was written, so the table says how much of it that is, and how much this
process computed, which a machine that is busy with other things changes least. On Ray, a round into
which the replacement of a worker falls, at every thousandth call of it, shows that under "calls".
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import math
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import no_op_tasks
from rich.console import Console
from rich.table import Table

from cluster.attach import attach
from orchestrator.events import Events
from orchestrator.executor import Call, Completion, Executor, InlineExecutor, Site
from orchestrator.params import params_type, space_of
from orchestrator.ray_executor import RayExecutor
from orchestrator.records import Records, read
from orchestrator.schedule import Schedule
from orchestrator.search import Search
from orchestrator.searching import search_of
from orchestrator.standing import standing
from orchestrator.storage import Storage
from sweeps import Sweep

_SLOTS = 2
_OUTER_STEPS = 20
_SECONDS_BETWEEN_VIEWS = 0.25
SPACE = {
    "steps": {"int": [1, 20]},
    "epochs": {"int": [1, 5]},
    "distill_lr": {"float": [0.0005, 0.1], "log": True},
    "outer_lr": {"float": [0.001, 0.1], "log": True},
}
_PARTS = {
    "ask and tell": ("search", ["ask"]),
    "rows": ("records", ["append", "flush", "tick"]),
    "sets": ("storage", ["write_distilled"]),
    "states": ("storage", ["write_state", "read_state", "drop_state"]),
    "events": ("events", ["say"]),
    "calls": ("executor", ["submit", "wait"]),
}
"""What is timed of a schedule: a part's owner, and its methods that the loop calls."""

Parts = Mapping[str, float]


@dataclass(frozen=True)
class Load:
    """Trials of one segment and ``inits`` networks, ``shard`` to a task, and the ``target`` in milliseconds a ``unit``."""

    unit: str
    target: float
    trials: int
    inits: int
    shard: int
    sampler: str = "tpe"

    @property
    def shards(self) -> int:
        """How many tasks evaluate a trial."""
        return -(-self.inits // self.shard)

    @property
    def units(self) -> int:
        """How many trials or shards there are in all."""
        return self.trials * (1 if self.unit == "trial" else self.shards)

    def sweep(self) -> Sweep:
        """Return the sweep whose search is this load."""
        return Sweep.model_validate(
            {
                "name": "overhead",
                "recipe": {"data": "digits", "network": "lenet", "outer_steps": _OUTER_STEPS},
                "search": {"trials": self.trials, "lag": 8, "sampler": self.sampler, "space": SPACE},
                "evaluate": {"validation": 360, "inits": self.inits, "shard": self.shard},
                "resources": {"segment": _OUTER_STEPS},
            }
        )


class NoOps:
    """An executor that hands each call to ``inner`` under the name of its stand-in, and gives back the call that it got."""

    def __init__(self, inner: Executor) -> None:
        self._inner = inner

    @property
    def slots(self) -> int:
        return self._inner.slots

    @property
    def wanted(self) -> int:
        return self._inner.wanted

    def submit(self, call: Call) -> int:
        name = call.function.partition(":")[2]
        return self._inner.submit(dataclasses.replace(call, function=f"{no_op_tasks.__name__}:{name}"))

    def wait(self, timeout: float) -> list[Completion]:
        return self._inner.wait(timeout)

    def running(self, tickets: Collection[int]) -> Mapping[int, tuple[Site, float]]:
        return self._inner.running(tickets)

    def abandon(self, ticket: int) -> None:
        self._inner.abandon(ticket)

    def cancel(self) -> None:
        self._inner.cancel()

    def close(self) -> None:
        self._inner.close()


class Stopwatch:
    """Seconds that the calls of each part took; a call inside another one belongs to the outer one's part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._running = False

    def watch(self, part: str, owner: Any, methods: Sequence[str]) -> None:
        """Time the ``methods`` of ``owner`` from now on."""
        for method in methods:
            setattr(owner, method, self.timed(part, getattr(owner, method)))

    def timed(self, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``call``, timed."""

        @functools.wraps(call)
        def timed_call(*arguments: Any, **named: Any) -> Any:
            if self._running:
                return call(*arguments, **named)
            self._running, began = True, time.perf_counter()
            try:
                return call(*arguments, **named)
            finally:
                self.seconds[part] += time.perf_counter() - began
                self._running = False

        return timed_call


def measure(load: Load, executor: Executor, folder: Path) -> Parts:
    """Return the milliseconds a unit of each part, of the ``rest`` and of the ``whole``, of one run in a new folder."""
    with tempfile.TemporaryDirectory(prefix=".overhead-", dir=folder) as run:
        search = search_of(load.sweep(), load.trials)
        schedule, watch, disk = _schedule(load, executor, search, Path(run)), Stopwatch(), Stopwatch()
        for part, (owner, methods) in _PARTS.items():
            watch.watch(part, search if owner == "search" else getattr(schedule, owner), methods)
        began, computed = time.perf_counter(), time.process_time()
        view = watch.timed("view", _now_and_then(lambda: standing(schedule, time.perf_counter() - began)))
        with mock.patch("os.fsync", disk.timed("of which fsync", os.fsync)):
            schedule.drive(lambda: len(schedule.ledger.trials) == load.trials, view)
            schedule.records.flush()
        whole, cpu = time.perf_counter() - began, time.process_time() - computed
        _check_committed(load, Path(run))
    seconds = watch.seconds | {"rest": whole - sum(watch.seconds.values()), "whole": whole, "of which CPU": cpu}
    seconds |= disk.seconds
    return {part: 1e3 * spent / load.units for part, spent in seconds.items()}


def _now_and_then(view: Callable[[], Any]) -> Callable[[], None]:
    """Return ``view``, called as often as a driver calls it, however often its loop turns."""
    last = -math.inf

    def now_and_then() -> None:
        nonlocal last
        if time.perf_counter() - last > _SECONDS_BETWEEN_VIEWS:
            view()
            last = time.perf_counter()

    return now_and_then


def _schedule(load: Load, executor: Executor, search: Search | None, folder: Path) -> Schedule:
    sweep = load.sweep()
    records = Records(folder, params_type(space_of(sweep)))
    return Schedule(sweep, [load.trials], Storage(folder), records, NoOps(executor), search, Events(folder))


def _check_committed(load: Load, folder: Path) -> None:
    """Raise `RuntimeError` unless the disk holds every row and every set."""
    trials = load.trials
    expected = {"trials": trials, "evaluations": trials * load.inits, "curves": trials * _OUTER_STEPS}
    found = {table: len(read(folder, table)) for table in expected}
    sets = len(list((folder / "distilled").glob("*.parquet")))
    if found != expected or sets != trials:
        raise RuntimeError(f"expected {expected} and {trials} distilled sets, found {found} and {sets}")


def measure_all(loads: Sequence[Load], executors: Mapping[str, Executor], rounds: int, folder: Path) -> list[Parts]:
    """Return, for each load and within it each executor, the round of median ``whole`` out of ``rounds``."""
    for executor in executors.values():  # what the first calls import is no cost of a trial
        measure(Load("shard", 0.0, _SLOTS, 20, 1), executor, folder)
    cases = [(load, executor) for load in loads for executor in executors.values()]
    taken = [[measure(load, executor, folder) for load, executor in cases] for _ in range(rounds)]
    return [sorted(of_case, key=lambda parts: parts["whole"])[rounds // 2] for of_case in zip(*taken, strict=True)]


def table_of(loads: Sequence[Load], executors: Sequence[str], measured: Sequence[Parts]) -> Table:
    """Return the table: a row a part, a column for each load and executor, and how far the whole is from its target."""
    cases = [(load, name) for load in loads for name in executors]
    table = Table("ms", *(f"a {load.unit}\n{name}" for load, name in cases))
    for column in table.columns[1:]:
        column.justify = "right"
    for part in (*_PARTS, "view", "rest"):
        table.add_row(part, *(f"{parts[part]:.2f}" for parts in measured))
    table.add_section()
    for part in ("whole", "of which fsync", "of which CPU"):
        table.add_row(part, *(f"{parts[part]:.2f}" for parts in measured))
    table.add_row("target", *(f"{load.target:g}" for load, _ in cases))
    ratios = [parts["whole"] / load.target for (load, _), parts in zip(cases, measured, strict=True)]
    table.add_row("ratio", *(f"{ratio:.2f} {'reached' if ratio <= 1 else 'missed'}" for ratio in ratios))
    table.caption = "; ".join(f"a {load.unit}: of {load.trials} trials of {load.shards} shards" for load in loads)
    return table


def main() -> None:
    """Measure as the command line says, and print the table."""
    options = _options()
    loads = [Load("trial", 15.0, options.trials, 20, 20, options.sampler), Load("shard", 2.0, 10, options.shards, 1)]
    executors: dict[str, Executor] = {"driver alone": InlineExecutor(_SLOTS)}
    with contextlib.ExitStack() as stack:
        if options.ray:
            stack.enter_context(attach("local", cpus=_SLOTS))
            executors["on Ray"] = RayExecutor(_SLOTS)
        measured = measure_all(loads, executors, options.rounds, options.folder)
    Console().print(table_of(loads, list(executors), measured))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=100, help="trials of the first load (100)")
    parser.add_argument("--sampler", default="tpe", help="of the first load's search (tpe)")
    parser.add_argument("--shards", type=int, default=100, help="shards a trial of the second load, of 10 trials (100)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds that the medians are of (3)")
    parser.add_argument(
        "--ray", action=argparse.BooleanOptionalAction, default=True, help="measure on a private Ray too"
    )
    parser.add_argument("--folder", type=Path, default=Path(), help="where the runs are written, and removed (here)")
    return parser.parse_args()


if __name__ == "__main__":
    main()

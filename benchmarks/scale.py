"""Run the real driver against a simulated cluster: how busy it keeps 1,000 slots over 100,000 shards, and at what cost.

The driver's loop, its search, states, sets, rows and the live figures are real, on files in ``--folder``. The cluster is
simulated: a call takes a slot for a random time (log-normal, 20 % either way, around ``--seconds``; ten times that for a
distillation) and returns what `no_op_tasks` does. Time is simulated too: it moves to the next end of a call, or by the CPU time
that the driver has spent since it looked last, whichever is later; a driver that cannot keep up shows as idle slots. What waits
for a disk is left out.

Prints the share of slot-seconds that were busy, the driver's CPU seconds, in all and for a shard, and its peak memory; then how
long a driver takes to resume the run, from a start without any module until it hands out its first call, in a new process.
Usage: ``python benchmarks/scale.py [--slots 1000] [--trials 1000] [--shards 100] [--inits 100] [--folder .]``, and more options.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import no_op_tasks

from orchestrator.clock import Clock
from orchestrator.events import Events
from orchestrator.executor import Call, Completion, Site, perform
from orchestrator.params import params_type, space_of
from orchestrator.records import Records
from orchestrator.schedule import Schedule
from orchestrator.searching import search_of
from orchestrator.standing import standing
from orchestrator.storage import Storage
from sweeps import Sweep

_SPACE = {
    "steps": {"int": [1, 20]},
    "epochs": {"int": [1, 5]},
    "distill_lr": {"float": [0.0005, 0.1], "log": True},
    "outer_lr": {"float": [0.001, 0.1], "log": True},
}
_SPREAD = 0.2
_DISTILLATION = 10  # shards' worth of time


class Cluster(Clock):
    """An executor of ``slots`` whose calls take simulated time, and the clock that tells it."""

    def __init__(self, slots: int, seconds: float) -> None:
        self.slots, self._seconds, self._time = slots, seconds, 0.0
        self.wanted = slots + max(2, slots // 10)
        self.busy = self.driver_seconds = 0.0
        self._free = [0.0] * slots
        """When each slot is free, a heap."""
        self._ends: list[tuple[float, int]] = []
        self._calls: dict[int, Call] = {}
        self._tickets = itertools.count()
        self._random = random.Random(1)
        self._cpu = time.process_time()

    def now(self) -> float:
        return self._time

    def rest(self, seconds: float) -> None:
        self._time += seconds

    def submit(self, call: Call) -> int:
        self._pass()
        took = self._seconds * self._random.lognormvariate(-(_SPREAD**2) / 2, _SPREAD)
        took *= _DISTILLATION if call.function.endswith(":segment") else 1
        began = max(heapq.heappop(self._free), self._time)
        heapq.heappush(self._free, began + took)
        ticket = next(self._tickets)
        heapq.heappush(self._ends, (began + took, ticket))
        self._calls[ticket] = call
        self.busy += took
        return ticket

    def wait(self, timeout: float) -> list[Completion]:
        self._pass()
        if self._ends:
            self._time = max(self._time, self._ends[0][0])
        ended = []
        while self._ends and self._ends[0][0] <= self._time:
            ended.append(heapq.heappop(self._ends)[1])
        completions = [self._completion(ticket) for ticket in ended]
        self._cpu = time.process_time()  # what a call does is not the driver's
        return completions

    def running(self, tickets: Collection[int]) -> Mapping[int, tuple[Site, float]]:
        return {}

    def abandon(self, ticket: int) -> None:
        self._ends = [end for end in self._ends if end[1] != ticket]
        heapq.heapify(self._ends)

    def cancel(self) -> None:
        self._ends.clear()

    def close(self) -> None:
        self.cancel()

    def _pass(self) -> None:
        """Let the time pass that the driver has spent since it was here last."""
        spent = time.process_time() - self._cpu
        self._cpu += spent
        self._time += spent
        self.driver_seconds += spent

    def _completion(self, ticket: int) -> Completion:
        call = self._calls.pop(ticket)
        value = perform(f"{no_op_tasks.__name__}:{call.function.partition(':')[2]}", call.arguments)
        return Completion(ticket, call, value)


def sweep_of(options: argparse.Namespace) -> Sweep:
    """Return the sweep whose search is the load; its lag lets in twice the trials that fill the slots on average."""
    takes, latency = _DISTILLATION + options.shards, _DISTILLATION + 1
    lag = options.lag or max(8, 2 * options.slots * latency // takes)
    shard = -(-options.inits // options.shards)
    return Sweep.model_validate(
        {
            "name": "scale",
            "recipe": {"data": "digits", "network": "lenet", "outer_steps": options.outer_steps},
            "search": {"trials": options.trials, "lag": lag, "sampler": options.sampler, "space": _SPACE},
            "evaluate": {"validation": 360, "inits": options.inits, "shard": shard},
            "resources": {"segment": options.outer_steps},
        }
    )


def schedule_of(sweep: Sweep, cluster: Cluster, folder: Path) -> Schedule:
    """Return the driver's schedule over the run in ``folder``, new or old."""
    records = Records(folder, params_type(space_of(sweep)))
    search = search_of(sweep, sweep.trials)
    return Schedule(sweep, [sweep.trials], Storage(folder), records, cluster, search, Events(folder), clock=cluster)


def simulate(sweep: Sweep, options: argparse.Namespace, folder: Path) -> str:
    """Drive the whole search; return what came of it, in a line."""
    cluster = Cluster(options.slots, options.seconds)
    schedule = schedule_of(sweep, cluster, folder)
    shown = [0.0]

    def tick() -> None:
        if cluster.now() - shown[0] > 0.25:
            shown[0] = cluster.now()
            standing(schedule, cluster.now())

    schedule.drive(lambda: len(schedule.ledger.trials) == sweep.trials, tick)
    schedule.records.flush()
    shards, spent = sweep.trials * options.shards, cluster.driver_seconds
    return (
        f"{options.slots:,} slots, {sweep.trials:,} trials, {shards:,} shards of {options.seconds:g} s: slots busy "
        f"{100 * cluster.busy / (options.slots * cluster.now()):.1f} % of {cluster.now():,.0f} s; driver {spent:.1f} CPU s, "
        f"{1e3 * spent / shards:.3f} ms a shard, {1e3 * spent / sweep.trials:.2f} ms a trial; peak memory {_memory():.2f} GB"
    )


def _memory() -> float:
    """Return this process's peak memory in GB (2^30 bytes); Linux counts in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


class First(Exception):  # noqa: N818
    """The first call that a resumed driver handed out."""


class Resumed(Cluster):
    """A cluster that only waits for the first call."""

    def submit(self, call: Call) -> int:
        raise First


def resumed(sweep: Sweep, folder: Path, began: float) -> str:
    """Resume the run with one more trial; return how long the first call took from ``began``, in a line."""
    more = sweep.with_budget(trials=sweep.trials + 1)
    try:
        schedule_of(more, Resumed(1, 1.0), folder).drive(lambda: False, lambda: None)
    except First:
        took, cpu = time.time() - began, time.process_time()
        return (
            f"resume of {sweep.trials:,} trials: {took:.1f} s, of them CPU {cpu:.1f} s; peak memory {_memory():.2f} GB"
        )
    raise RuntimeError("the driver handed out no call")


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate, then resume in another process."""
    options = _options(arguments)
    sweep = sweep_of(options)
    if options.resume is not None:
        print(resumed(sweep, options.folder, options.resume), flush=True)
        return
    with tempfile.TemporaryDirectory(prefix=".scale-", dir=options.folder) as folder:
        print(simulate(sweep, options, Path(folder)), flush=True)
        again = [*sys.argv[1:], "--folder", folder, "--resume", str(time.time())]
        subprocess.run([sys.executable, __file__, *again], check=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--slots", type=int, default=1000, help="calls that run at once (1000)")
    parser.add_argument("--trials", type=int, default=1000, help="trials of the search (1000)")
    parser.add_argument("--shards", type=int, default=100, help="shards of a trial (100)")
    parser.add_argument("--inits", type=int, default=100, help="networks of a trial (100)")
    parser.add_argument("--outer-steps", type=int, default=20, help="outer steps of a trial, a row each (20)")
    parser.add_argument("--seconds", type=float, default=10.0, help="what a shard takes on average (10)")
    parser.add_argument("--sampler", default="random", help="of the search (random)")
    parser.add_argument("--lag", type=int, help="of the search; left out: what fills the slots twice")
    parser.add_argument("--folder", type=Path, default=Path(), help="where the run is written, and removed (here)")
    parser.add_argument("--resume", type=float, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()

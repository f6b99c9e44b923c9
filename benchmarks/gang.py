"""One outer step by several workers against one alone, interleaved; what adding up their gradients costs.

Claims, for 128 LeNets a step, random ones, in seconds of the busiest worker's core, which a busy machine disturbs least: at least
0.85 of the ideal speed-up, and less than 2 % of the step for the sum. By the clock it is that where each worker has a core of its
own. Data are noise of the shape of MNIST, which costs what MNIST costs; every round compares the bits of both sides.

    python benchmarks/gang.py [--workers 2] [--networks 128] [--rounds 5]
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import torch

# Run as a script: the packages stand beside this folder, installed or not.
sys.path[:0] = [str(Path(__file__).parents[1])]

from distiller.data import Dataset, Examples
from distiller.distill import start
from distiller.gang import ALONE, Gang
from distiller.meeting import join_meeting, meet, open_meeting
from distiller.process import settle_process
from distiller.recipe import Recipe
from distiller.unrolled import Unrolled

_SPEED_UP, _SUMS = 0.85, 0.02
"""What is claimed: the share of the ideal, and of the step."""
_SUMS_TIMED = 20


def main() -> None:
    """Print what is claimed, and whether it was reached."""
    options = _options()
    context = multiprocessing.get_context("spawn")
    ports: Queue[int] = context.Queue()
    arguments = (options.workers, options.networks, options.rounds, ports)
    members = [context.Process(target=_member, args=(rank, *arguments)) for rank in range(options.workers)]
    for each in members:
        each.start()
    for each in members:
        each.join()
    sys.exit(max(abs(each.exitcode or 0) for each in members))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--networks", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def _member(rank: int, workers: int, networks: int, rounds: int, ports: Queue[int]) -> None:
    """Be one worker; the first one is also the one that works alone, while the others wait, and it prints."""
    recipe, dataset = _problem(networks)
    settle_process(recipe)
    if rank == 0:
        meeting, port = open_meeting("127.0.0.1", workers)
        for _ in range(workers - 1):
            ports.put(port)
    else:
        meeting = join_meeting("127.0.0.1", ports.get(), rank, workers)
    with meet(meeting, "cpu") as gang:
        _compare(recipe, dataset, gang, rounds)


def _problem(networks: int) -> tuple[Recipe, Dataset]:
    recipe = Recipe(
        data="noise", network="lenet", inits_per_step=networks, steps=10, epochs=1, batch=256, memory="saved"
    ).settled()
    generator = torch.Generator().manual_seed(0)
    sizes = (recipe.batch, 1, 1)
    parts = [Examples(torch.randn(n, 1, 28, 28, generator=generator), torch.arange(n) % 10) for n in sizes]
    return recipe, Dataset("noise", 10, (1, 28, 28), (0.0,), (1.0,), *parts)


def _compare(recipe: Recipe, dataset: Dataset, gang: Gang, rounds: int) -> None:
    before = start(recipe, dataset)
    alone, together = (Unrolled(recipe, dataset, before, gang=each) for each in (ALONE, gang))
    walls: list[tuple[float, float]] = []
    cores: list[tuple[float, float]] = []
    for number in range(rounds + 1):
        single = _timed(lambda: alone.slope(0).gradients) if gang.rank == 0 else None
        gang.whole(torch.zeros(1))  # the others begin when the first has done
        wall, core, gradients = _timed(lambda: together.slope(0).gradients)
        slowest = gang.whole(torch.tensor([core])).max().item()
        if single is not None and number > 0:  # the first round warms up
            walls.append((single[0], wall))
            cores.append((single[1], slowest))
            assert all(torch.equal(single[2][name], gradient) for name, gradient in gradients.items())
    parts = [tuple(gradients.values())] * 2
    sums = [_timed(lambda: gang.total(parts))[:2] for _ in range(_SUMS_TIMED)]
    if gang.rank == 0:
        _print(recipe, gang.workers, walls, cores, sums)


def _timed(call: Callable[[], Any]) -> tuple[float, float, Any]:
    """Return the seconds by the clock, those of this process on a core, and the result."""
    began, worked = time.perf_counter(), time.process_time()
    result = call()
    return time.perf_counter() - began, time.process_time() - worked, result


def _print(
    recipe: Recipe,
    workers: int,
    walls: list[tuple[float, float]],
    cores: list[tuple[float, float]],
    sums: list[tuple[float, float]],
) -> None:
    by_clock, by_core = (statistics.median(one / many for one, many in each) for each in (walls, cores))
    one, many = (statistics.median(each) for each in zip(*cores, strict=True))
    clock, core = (statistics.median(each) for each in zip(*sums, strict=True))
    reached = by_core >= _SPEED_UP * workers and core < _SUMS * many
    step = f"{recipe.inits_per_step} LeNets, {recipe.inner_steps} inner steps: {one:.2f} s of a core alone, {many:.2f} s of the "
    ratio = f"busiest of {workers}, {by_core:.2f} times as fast ({by_clock:.2f} by the clock); "
    total = (
        f"the sum {1e3 * core:.1f} ms of a core, {core / many:.2%} of the step ({1e3 * clock:.1f} ms by the clock); "
    )
    claim = f"claimed {_SPEED_UP * workers:.2f} and {_SUMS:.0%}: {'reached' if reached else 'MISSED'}"
    print(f"{step}{ratio}{total}the same bits; {claim}")


if __name__ == "__main__":
    main()

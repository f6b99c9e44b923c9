"""One outer step against the arrangement of the 2018 code, interleaved in one process; peak memory; 200 networks at once.

Claims, with one thread and the default allocator: at least 1.6 times as fast for (a) LeNet with one fixed network, 10 images,
1 step x 3 epochs, a real batch of 1,024; 1.6 times for (b) four random LeNets, 10 x 3 steps of 10 images; 1.4 times for (c) two
AlexCifarNets, 10 x 3 steps, a real batch of 256; 1.5 times for (d) four Bi-LSTMs on sentences of 30 words, which the other side
computes by `torch.nn.LSTM`; 3 times for (e) TextConvNet against its formulation in two dimensions. Memory that is flat in the
number of inner steps with ``recompute``. Data are noise of the shapes of MNIST, CIFAR-10 and embedded text, which costs what they
cost; gradients of both sides are compared before any is timed.

    python benchmarks/outer_step.py [--cases a b c d e] [--rounds 9] [--threads 1] [--device cuda] [--no-memory] [--no-evaluation]
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

# Run as a script: the packages stand beside this folder, installed or not.
sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

import reference

from distiller.data import Dataset, Examples
from distiller.distill import stack_of
from distiller.distilled import Distilled
from distiller.evaluate import evaluate
from distiller.losses import one_hot
from distiller.networks import Parameters, Stack
from distiller.recipe import Recipe
from distiller.seeds import seed_tensor
from distiller.unroll import meta_gradient


@dataclass(frozen=True)
class Case:
    """One setting, and the ratio that is claimed for it on a CPU."""

    name: str
    network: str
    shape: tuple[int, ...]
    networks: int
    steps: int
    epochs: int
    real: int
    claim: float
    classes: int = 10


CASES = {
    "a": Case("LeNet fixed, 10 images, 1 x 3 steps", "lenet", (1, 28, 28), 1, 1, 3, 1024, 1.6),
    "b": Case("LeNet random, K = 4, 10 x 3 steps", "lenet", (1, 28, 28), 4, 10, 3, 1024, 1.6),
    "c": Case("AlexCifarNet, K = 2, 10 x 3 steps", "alexcifarnet", (3, 32, 32), 2, 10, 3, 256, 1.4),
    "d": Case("Bi-LSTM, K = 4, 30 words, 1 x 10 steps", "bilstm", (30, 100), 4, 1, 10, 64, 1.5, classes=6),
    "e": Case("TextConvNet, 400 words, 1 x 5 steps", "textconvnet", (400, 100), 1, 1, 5, 64, 3.0, classes=6),
}


@dataclass(frozen=True)
class Problem:
    """The tensors of a case: what both sides compute on."""

    case: Case
    recipe: Recipe
    stack: Stack
    parameters: Parameters
    inputs: Tensor
    labels: Tensor
    rates: Tensor
    real_inputs: Tensor
    real_labels: Tensor


def main() -> None:
    """Print one line for each thing that is claimed."""
    options = _options()
    torch.set_num_threads(options.threads)
    if options.memory_of:
        return _print_memory(*options.memory_of)
    for name in options.cases:
        _compare(CASES[name], name, options.device, options.rounds)
    if options.device == "cuda":
        _scale(options.rounds)
    if not options.no_evaluation:
        _compare_evaluation(options.device)
    if not options.no_memory:
        _compare_memory()
    return None


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--no-evaluation", action="store_true")
    parser.add_argument("--memory-of", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def _problem(case: Case, device: str, networks: int | None = None, dtype: torch.dtype = torch.float32) -> Problem:
    recipe = Recipe(data="noise", network=case.network, memory="saved", device=device).settled()  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(0)
    dataset = Dataset(
        "noise",
        case.classes,
        case.shape,
        (0.0,),
        (1.0,),
        *(_noise(case.shape, n, generator, case.classes) for n in (case.real, 1, 1)),
    )
    stack = stack_of(recipe, dataset)
    count = networks or case.networks
    return Problem(
        case,
        recipe,
        stack,
        stack.draw("xavier_normal", seed_tensor(range(count), device), dtype),
        torch.randn(case.steps, case.classes, *case.shape, generator=generator).to(device, dtype),
        torch.arange(case.classes).expand(case.steps, -1).to(device),
        torch.full((case.steps * case.epochs,), 0.02, device=device, dtype=dtype),
        dataset.train.inputs.to(device, dtype),
        dataset.train.labels.to(device),
    )


def _noise(shape: tuple[int, ...], count: int, generator: torch.Generator, classes: int = 10) -> Examples:
    labels = torch.randint(classes, (count,), generator=generator)
    return Examples(torch.randn(count, *shape, generator=generator), labels)


def _ours(problem: Problem, memory: str = "saved") -> tuple[Tensor, Tensor, Tensor]:
    meta = meta_gradient(
        problem.stack,
        problem.parameters,
        problem.inputs,
        one_hot(problem.labels, problem.case.classes).to(problem.inputs.dtype),
        problem.rates,
        problem.real_inputs,
        problem.real_labels,
        classes=problem.case.classes,
        learn_labels=False,
        memory=memory,  # type: ignore[arg-type]
        chunk=problem.recipe.chunk or 1,
        real_chunk=problem.recipe.real_chunk or problem.case.real,
    )
    return meta.score.loss.mean(), meta.inputs, meta.rates


def _theirs(problem: Problem) -> tuple[Tensor, Tensor, Tensor]:
    module = reference.NETWORKS[problem.case.network]()
    # Their two-dimensional convolutions have windows of words x numbers, ours the numbers as channels.
    ours = [p.mT if p.dim() == 4 and problem.case.network == "textconvnet" else p for p in problem.parameters]
    flat = [torch.cat([p[k].flatten() for p in ours]) for k in range(len(ours[0]))]
    real = (problem.real_inputs, problem.real_labels)
    return reference.meta_gradient(module, flat, problem.inputs, problem.labels, problem.rates, real)


def _compare(case: Case, name: str, device: str, rounds: int) -> None:
    _check(dataclasses.replace(case, real=32, epochs=1), device)
    problem = _problem(case, device)
    ours, theirs = _interleave(lambda: _ours(problem), lambda: _theirs(problem), rounds, device)
    ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
    claim = f"claimed {case.claim}: {'reached' if ratio >= case.claim else 'MISSED'}" if device == "cpu" else ""
    print(
        f"({name}) {case.name}, real batch {case.real}: {1e3 * statistics.median(ours):.0f} ms against "
        f"{1e3 * statistics.median(theirs):.0f} ms, {ratio:.2f} times as fast; {claim}",
        flush=True,
    )


def _check(case: Case, device: str) -> None:
    """Compare both sides in float64; in float32 one ReLU that switches parts them."""
    problem = _problem(case, device, dtype=torch.float64)
    for mine, yours in zip(_ours(problem), _theirs(problem), strict=True):
        torch.testing.assert_close(mine, yours, rtol=1e-9, atol=1e-9)


def _interleave(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int, device: str
) -> tuple[list[float], list[float]]:
    """Time both in turn; on a CPU in seconds of this process, which a busy machine disturbs least."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for side, call in enumerate((ours, theirs)):
            times[side].append(_time(call, device))
    return times


def _time(call: Callable[[], object], device: str) -> float:
    clock = time.process_time if device == "cpu" else time.perf_counter
    if device == "cuda":
        torch.cuda.synchronize()
    began = clock()
    call()
    if device == "cuda":
        torch.cuda.synchronize()
    return clock() - began


def _scale(rounds: int) -> None:
    """On a GPU small networks cost launches, not arithmetic: many cost little more than few."""
    base = None
    for networks in (4, 16, 64, 256):
        problem = _problem(CASES["b"], "cuda", networks)
        seconds = statistics.median([_time(lambda p=problem: _ours(p), "cuda") for _ in range(rounds + 2)][2:])  # type: ignore[misc]
        base = base or seconds
        memory = torch.cuda.max_memory_allocated() / 2**20
        print(
            f"LeNet, K = {networks}: {1e3 * seconds:.0f} ms, {seconds / base:.2f} times K = 4, {memory:,.0f} MiB",
            flush=True,
        )


def _compare_evaluation(device: str, networks: int = 200, examples: int = 2000) -> None:
    problem, generator = _problem(CASES["b"], device, networks), torch.Generator().manual_seed(1)
    test = _noise((1, 28, 28), examples, generator).to(device, torch.float32)
    dataset = Dataset("noise", 10, (1, 28, 28), (0.0,), (1.0,), test, test, test)
    targets = one_hot(problem.labels, 10).float()
    distilled = Distilled(problem.inputs, targets, problem.rates, 3, 10, (0.0,), (1.0,), "noise", "lenet")
    flat = [torch.cat([p[k].flatten() for p in problem.parameters]) for k in range(networks)]
    module = reference.LeNet()
    sides = _interleave(
        lambda: evaluate(problem.recipe, dataset, distilled, range(networks), test),
        lambda: [
            reference.train_and_test(
                module, w, problem.inputs, problem.labels, problem.rates, (test.inputs, test.labels)
            )
            for w in flat
        ],
        3,
        device,
    )
    ours, theirs = (statistics.median(times) for times in sides)
    print(
        f"{networks} LeNets trained on 30 steps and tested on {examples:,} images: {ours:.1f} s against {theirs:.1f} s "
        f"one after another, {theirs / ours:.2f} times as fast",
        flush=True,
    )


def _compare_memory() -> None:
    """Print the peak memory of one outer step against T, each in a process of its own."""
    for case in ("b", "c"):
        for memory in ("saved", "recompute"):
            peaks = []
            for epochs in (1, 3, 9):
                command = [sys.executable, __file__, "--memory-of", case, memory, str(epochs)]
                ended = subprocess.run(command, capture_output=True, text=True, check=True)
                peaks.append(f"T = {10 * epochs}: {float(ended.stdout):,.0f} MiB")
            print(f"peak memory of {CASES[case].name.split(',')[0]}, {memory}: {', '.join(peaks)}", flush=True)


def _print_memory(case: str, memory: str, epochs: str) -> None:
    chosen = CASES[case]
    problem = _problem(
        Case(chosen.name, chosen.network, chosen.shape, 1, 10, int(epochs), chosen.real, chosen.claim), "cpu"
    )
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew from what is held now
    before = _resident_peak()
    _ours(problem, memory)
    print((_resident_peak() - before) / 1024)


def _resident_peak() -> int:
    """Return the peak of this process's memory in KiB, as Linux counts it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()

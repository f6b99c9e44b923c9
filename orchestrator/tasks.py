"""What a worker runs: a segment of a distillation, and a shard of an evaluation; pure functions of their arguments.

Arguments and results are plain values and bytes, so that nothing is pickled that is ours. The executor finds a task by its name,
``orchestrator.tasks:segment``. A worker keeps the data sets that it has loaded, since it is used again.
"""

from __future__ import annotations

import dataclasses
import functools
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from distiller.baselines import Source, baseline_examples, baseline_set, judging_examples
from distiller.data import Dataset, Examples, load
from distiller.distill import State, advance, distilled_of, start
from distiller.distilled import Distilled
from distiller.evaluate import Evaluation, evaluate
from distiller.meeting import Meeting, meet
from distiller.neighbours import neighbours_accuracy
from distiller.network_files import unbundle
from distiller.objectives import outer_labels
from distiller.pretrain import held_out
from distiller.pretrained_networks import measure, trained_files
from distiller.process import settle_process
from distiller.recipe import Recipe
from distiller.text import Text
from distiller.training import Training
from orchestrator.chunks import device_name, in_chunks, release
from orchestrator.ways import Way

__all__ = [
    "evaluate_baseline", "evaluate_distilled", "evaluate_neighbours", "evaluate_trained", "segment", "train_networks",
]  # fmt: skip

_NOTHING_KNOWN: Mapping[str, Mapping[str, int]] = {}


def train_networks(recipe: Mapping[str, Any], seeds: Sequence[int]) -> dict[str, Any]:
    """Pre-train one network for each seed; return their ``files`` in the order of ``seeds``."""
    began = time.perf_counter()
    parsed = Recipe.parse(recipe).settled()
    settle_process(parsed)
    assert parsed.pretrained is not None
    source = _dataset(parsed.pretrained.data, held_out(parsed), None, parsed.text, parsed.device, parsed.dtype)
    return {"files": trained_files(parsed, source, seeds)} | _place(parsed, began)


def segment(
    recipe: Mapping[str, Any],
    state: bytes | None,
    steps: int,
    networks: bytes | None = None,
    snapshot: bool = False,
    meeting: Meeting | None = None,
) -> dict[str, Any]:
    """Advance a distillation by up to ``steps`` outer steps, from its start where ``state`` is `None`.

    ``networks`` is a bundle of the pre-trained ones of these steps, `None` where there are none such. Where there is a
    ``meeting``, the workers that come to it compute each step together, and all return the same. Returns the new ``state``,
    its ``outer_step``, the ``steps`` done, what ``diverged`` (or `None`), the ``curve`` so far as lists, and, once the recipe's
    end is reached, the ``distilled`` set as bytes; with ``snapshot`` also before, as it is after these steps.
    """
    began = time.perf_counter()
    parsed, dataset = _ready(recipe)
    before = start(parsed, dataset) if state is None else State.from_bytes(state)
    with meet(meeting, parsed.device) as gang:
        after = advance(parsed, dataset, before, steps, unbundle(networks), gang) if steps else before
    result: dict[str, Any] = {
        "state": after.to_bytes(),
        "outer_step": after.outer_step,
        "steps": after.outer_step - before.outer_step,
        "diverged": after.diverged,
        "curve": {name: values.tolist() for name, values in after.curve.items()},
        "distilled": None,
    }
    if after.outer_step == parsed.outer_steps or (snapshot and after.diverged is None):
        result["distilled"] = distilled_of(parsed, dataset, after).to_bytes()
    return result | _place(parsed, began)


def evaluate_trained(
    recipe: Mapping[str, Any],
    seeds: Sequence[int],
    split: str,
    network: str,
    networks: bytes,
    chunks: Mapping[str, Mapping[str, int]] = _NOTHING_KNOWN,
) -> dict[str, Any]:
    """Measure pre-trained networks as they are, and as they were drawn; return what `evaluate_distilled` returns."""
    began = time.perf_counter()
    parsed, dataset = _ready(recipe)
    parsed = parsed.with_network(network)
    examples, trained = _held_out(parsed, dataset, split), unbundle(networks)
    measured = functools.partial(measure, dataset=dataset, seeds=seeds, examples=examples, networks=trained)
    results, about = in_chunks(parsed, len(seeds), chunks, measured)
    return {"evaluations": [_row(each) for each in results]} | about | _place(parsed, began)


def evaluate_distilled(
    recipe: Mapping[str, Any],
    distilled: bytes,
    seeds: Sequence[int],
    split: str,
    network: str,
    before: bool,
    networks: bytes | None = None,
    training: Mapping[str, Any] | None = None,
    init_scheme: str | None = None,
    chunks: Mapping[str, Mapping[str, int]] = _NOTHING_KNOWN,
) -> dict[str, Any]:
    """Train one network for each seed on a distilled set; return ``evaluations`` in the order of ``seeds``.

    Pre-trained networks come in a bundle. ``training`` and ``init_scheme`` are given where they are not the set's own, see
    `orchestrator.ways`; ``chunks`` is what is known of how many networks fit, see `orchestrator.chunks`.
    """
    began = time.perf_counter()
    way = Way(None if training is None else Training.parse(training), init_scheme)
    parsed, dataset = _ready(way.recipe(Recipe.parse(recipe)).plain())
    made = way.set(Distilled.from_bytes(distilled))
    return _evaluate(parsed, dataset, made, seeds, split, network, before, networks, chunks, began)


def evaluate_baseline(
    recipe: Mapping[str, Any],
    source: Source,
    draw: int,
    rate: float | None,
    seeds: Sequence[int],
    split: str,
    network: str,
    before: bool,
    networks: bytes | None = None,
    training: Mapping[str, Any] | None = None,
    chunks: Mapping[str, Mapping[str, int]] = _NOTHING_KNOWN,
) -> dict[str, Any]:
    """Train one network for each seed on a baseline's examples; return what `evaluate_distilled` returns.

    It is at a constant ``rate``, or where labels alone are distilled in the way of ``training``.
    """
    began = time.perf_counter()
    parsed, dataset = _ready(recipe)
    made = baseline_set(parsed, dataset, _examples(parsed, source, draw), rate)
    made = Way(None if training is None else Training.parse(training)).set(made)
    return _evaluate(parsed, dataset, made, seeds, split, network, before, networks, chunks, began)


def evaluate_neighbours(
    recipe: Mapping[str, Any], source: Source, draw: int, neighbours: int, norm: float, split: str
) -> dict[str, Any]:
    """Let a baseline's examples vote on the split as nearest neighbours; return what `evaluate_distilled` returns.

    No network is trained: there is one evaluation, of seed 0 and without a loss.
    """
    began = time.perf_counter()
    parsed, dataset = _ready(recipe)
    real = _held_out(parsed, dataset, split)
    wanted = Examples(real.inputs, outer_labels(parsed, real.labels))
    accuracy = neighbours_accuracy(*_examples(parsed, source, draw), wanted, neighbours, norm, dataset.embedded)
    evaluation = {"accuracy": accuracy, "accuracy_before": None, "loss": None, "seed": 0}
    return {"evaluations": [evaluation], "chunk": 1} | _place(parsed, began)


def _evaluate(
    recipe: Recipe,
    dataset: Dataset,
    distilled: Distilled,
    seeds: Sequence[int],
    split: str,
    network: str,
    before: bool,
    networks: bytes | None,
    chunks: Mapping[str, Mapping[str, int]],
    began: float,
) -> dict[str, Any]:
    examples = _held_out(recipe, dataset, split)
    recipe, pool = recipe.with_network(network), unbundle(networks)

    def compute(lowered: Recipe) -> list[Evaluation]:
        return evaluate(lowered, dataset, distilled, seeds, examples, before=before, networks=pool)

    results, about = in_chunks(recipe, len(seeds), chunks, compute)
    return {"evaluations": [_row(each) for each in results]} | about | _place(recipe, began)


def _row(result: Evaluation) -> dict[str, Any]:
    """Return one network's result as columns; those of an attack only where there is one."""
    attack = {} if result.attack is None else dataclasses.asdict(result.attack)
    return {name: getattr(result, name) for name in ("accuracy", "accuracy_before", "loss", "seed")} | attack


def _ready(recipe: Mapping[str, Any]) -> tuple[Recipe, Dataset]:
    """Set this process up as the recipe says, whatever its last task was; return the recipe and its data on its device."""
    parsed = Recipe.parse(recipe).settled()
    settle_process(parsed)
    return parsed, _dataset_of(parsed)


def _held_out(recipe: Recipe, dataset: Dataset, split: str) -> Examples:
    """Return what accuracy is measured on: of the training data, the batch on which random sets are judged."""
    if split == "train":
        return judging_examples(recipe, dataset)
    return {"validation": dataset.validation, "test": dataset.test}[split]


@functools.lru_cache(maxsize=32)
def _examples(recipe: Recipe, source: Source, draw: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a draw of a baseline's examples, which are kept: every rate is tried on them, and centroids take seconds."""
    return baseline_examples(source, recipe, _dataset_of(recipe), draw)


def _dataset_of(recipe: Recipe) -> Dataset:
    return _dataset(recipe.data, recipe.validation, recipe.real_examples, recipe.text, recipe.device, recipe.dtype)


@functools.lru_cache(maxsize=4)
def _dataset(data: str, validation: int, examples: int | None, text: Text | None, device: str, dtype: str) -> Dataset:
    return load(data, validation, examples, text).to(device, getattr(torch, dtype))


def _place(recipe: Recipe, began: float) -> dict[str, Any]:
    release(recipe)
    return {
        "device": device_name(recipe),
        "node": socket.gethostname(),
        "seconds": time.perf_counter() - began,
    }

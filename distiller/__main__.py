"""Run one distillation and its evaluation on this machine: ``python -m distiller RECIPE.yaml --out SET.safetensors``.

Needs torch, numpy, safetensors and the library that its data comes from; ruamel.yaml for a recipe in YAML, none for JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from distiller.data import DataError, Dataset, load
from distiller.distill import State, advance, distilled_of, stack_of, start
from distiller.distilled import Distilled
from distiller.distilled_lengths import check_lengths
from distiller.drawing import Networks, pool_seeds
from distiller.evaluate import evaluate, evaluation_seeds
from distiller.label_loop import check_labels
from distiller.networks import NetworkError
from distiller.objectives import check_attack
from distiller.pretrained_networks import check_pretrained, obtain
from distiller.process import settle_process
from distiller.reading import label_line
from distiller.real_sets import RealSetError
from distiller.recipe import Recipe, RecipeError
from distiller.state_file import StateError, read_state, write_state

_BAD_INPUT = (DataError, NetworkError, OSError, RealSetError, RecipeError, StateError)
_SEGMENT = 20  # outer steps between two lines at the least; short enough that little is lost at a crash


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, 1 where the distillation diverged, or 2 for bad input, said in one line."""
    options = _options(arguments)
    try:
        _check_options(options)
        recipe = _read(options.recipe)
        settle_process(recipe)
        dataset = load(recipe.data, recipe.validation, recipe.real_examples, recipe.text).to(
            recipe.device, getattr(torch, recipe.dtype)
        )
        _check_fit(recipe, dataset, options.recipe)
        _say_unknown(dataset)
        state = _distil(recipe, dataset, options.state)
    except _BAD_INPUT as error:
        print(f"distiller: {error}", file=sys.stderr)
        return 2
    if state.diverged:
        print(f"diverged: {state.diverged}; try a smaller distill_lr or outer_lr, or an outer_clip", file=sys.stderr)
        return 1
    distilled = distilled_of(recipe, dataset, state)
    distilled.save(options.out)
    print(f"wrote {options.out}: {len(distilled)} examples, sha256 {distilled.digest()}")
    _print_sentences(distilled)
    _evaluate(recipe, dataset, distilled, options.inits)
    return 0


def _print_sentences(distilled: Distilled) -> None:
    """Print what distilled sentences are nearest to, each after its label."""
    if distilled.reading is not None:
        for batch, labels in zip(distilled.reading.sentences, distilled.labels.tolist(), strict=True):
            for sentence, label in zip(batch, labels, strict=True):
                print(f"{label_line(label, distilled.reading.classes)}: {sentence}")


def _say_unknown(dataset: Dataset) -> None:
    """Print, where the data are text, how much of it has no vector."""
    if dataset.words is not None:
        words = dataset.words
        print(
            f"{dataset.name}: {100 * words.unknown:.1f} % of the training text's words have no vector in {words.text.vectors}"
        )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m distiller", description="Distil one recipe and train fresh networks on it."
    )
    parser.add_argument("recipe", type=Path, help="a recipe: the keys of distiller.recipe.Recipe, in YAML or JSON")
    parser.add_argument("--out", type=Path, default=Path("distilled.safetensors"), help="where the distilled set goes")
    parser.add_argument("--inits", type=int, default=100, help="networks to train on the result; default 100")
    parser.add_argument(
        "--state", type=Path, help="keep the state here as it goes, and go on from it where it is there"
    )
    return parser.parse_args(arguments)


def _check_options(options: argparse.Namespace) -> None:
    """Refuse what would come to light only after the distillation."""
    if options.inits < 1:
        raise RecipeError(("--inits",), f"expected at least 1 network, got {options.inits}")
    for name, path in (("--out", options.out), ("--state", options.state)):
        if path is not None and not path.parent.is_dir():
            raise RecipeError((name,), f"there is no folder {path.parent} for {path.name}; make it, or name another")
        if path is not None and (path.is_dir() or not os.access(path.parent, os.W_OK)):
            raise RecipeError((name,), f"{path} cannot be written; expected the name of a file")


def _read(path: Path) -> Recipe:
    """Return the settled recipe in the file ``path``, on a device that is here."""
    try:
        text = path.read_text(encoding="utf-8")
        recipe = Recipe.parse(json.loads(text) if path.suffix == ".json" else _yaml(text))
        return dataclasses.replace(recipe, device=_device(recipe)).settled()
    except RecipeError as error:
        raise RecipeError((str(path), *error.key), error.reason) from error
    except ValueError as error:
        raise RecipeError((str(path),), str(error).replace("\n", " ")) from error


def _yaml(text: str) -> Any:
    try:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError
    except ImportError as error:
        raise ValueError("YAML needs ruamel.yaml: pip install ruamel.yaml, or give the recipe in JSON") from error
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise ValueError(str(error)) from error


def _device(recipe: Recipe) -> Any:
    if recipe.device == "cuda" and not torch.cuda.is_available():
        raise RecipeError(("device",), "torch finds no CUDA device on this machine; expected auto or cpu")
    return ("cuda" if torch.cuda.is_available() else "cpu") if recipe.device == "auto" else recipe.device


def _check_fit(recipe: Recipe, dataset: Dataset, path: Path) -> None:
    """Refuse classes that the data do not have, in examples or an attack, and a network or a backend that does not fit them."""
    if recipe.classes is not None and max(recipe.classes) >= dataset.classes:
        reason = f"{max(recipe.classes)} is no class of {dataset.name}; expected some of 0 to {dataset.classes - 1}"
        raise RecipeError((str(path), "classes"), reason)
    try:
        check_attack(recipe, dataset.name, dataset.classes)
    except RecipeError as error:
        raise RecipeError((str(path), *error.key), error.reason) from None
    check_lengths(recipe, dataset.shape)
    check_labels(recipe, stack_of(recipe, dataset), dataset.shape)
    check_pretrained(recipe)


def _networks(recipe: Recipe, seeds: Sequence[int]) -> Networks:
    return obtain(recipe, seeds, lambda done, of: print(f"pre-trained networks: {done}/{of}", flush=True))


def _distil(recipe: Recipe, dataset: Dataset, path: Path | None) -> State:
    state = (read_state(path, recipe) if path is not None else None) or start(recipe, dataset)
    if state.outer_step == recipe.outer_steps or state.diverged:
        return state
    networks, said = _networks(recipe, pool_seeds(recipe)), time.monotonic()
    while state.outer_step < recipe.outer_steps and not state.diverged:
        state = advance(recipe, dataset, state, _SEGMENT, networks)
        if path is not None:
            write_state(path, recipe, state)
        if time.monotonic() - said > 5 or state.outer_step == recipe.outer_steps:
            said = time.monotonic()
            latest = {name: values[-_SEGMENT:].mean().item() for name, values in state.curve.items()}
            print(
                f"outer step {state.outer_step}/{recipe.outer_steps}  loss {latest['loss']:.4f}  "
                f"accuracy {latest['accuracy']:.2%}  {latest['seconds']:.3f} s a step",
                flush=True,
            )
    return state


def _evaluate(recipe: Recipe, dataset: Dataset, distilled: Distilled, inits: int) -> None:
    seeds = evaluation_seeds(recipe, "final", inits)
    networks = _networks(recipe, seeds)
    for split, examples in (("validation", dataset.validation), ("test", dataset.test)):
        if len(examples) == 0:
            continue
        results = evaluate(recipe, dataset, distilled, seeds, examples, networks=networks)
        accuracies = [100 * result.accuracy for result in results]
        spread = f" ± {statistics.stdev(accuracies):.2f}" if len(accuracies) > 1 else ""
        print(f"{split}: {statistics.mean(accuracies):.2f}{spread} %, {len(seeds)} {recipe.init} initialisations")


if __name__ == "__main__":
    sys.exit(main())

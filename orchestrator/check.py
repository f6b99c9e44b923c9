"""What a sweep needs that its file cannot tell, checked before work starts: data, networks that fit them, examples, GPUs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch

from distiller.data import DataError, Dataset, Description, check_text, describe, load, locate
from distiller.distilled_lengths import check_lengths
from distiller.label_loop import check_labels
from distiller.networks import NetworkError, Stack, build
from distiller.objectives import check_attack
from distiller.pretrained_networks import check_pretrained
from distiller.real_sets import RealSetError
from distiller.recipe import Recipe, RecipeError
from orchestrator.baseline_plan import labels_alone
from sweeps import Sweep

__all__ = ["CheckError", "check", "check_gpus", "check_recipe"]


class CheckError(ValueError):
    """A sweep that cannot run here, in one line."""


def check(sweep: Sweep, here: bool = False) -> None:
    """Raise `CheckError` where a recipe of the sweep cannot run: absent data, a network that does not fit, too few examples.

    Every data set that the search may choose is looked for and read once, every network is built for every data set, with every
    backend. With ``here`` the tasks run in this very process, and the GPUs that they want have to be on this machine.
    """
    if here:
        check_gpus(sweep)
    _check_learned_labels(sweep)
    for data in _values(sweep, "data"):
        for recipe in _recipes(sweep, data):
            check_recipe(recipe)
        try:
            text = sweep.recipe.text
            _check_classes(sweep, data, describe(data, text))
            _check_neighbours(sweep, data, describe(data, text))
            for examples in _values(sweep, "real_examples"):
                _check_examples(sweep, load(data, sweep.evaluate.validation, examples, text))
        except DataError as error:
            raise CheckError(str(error)) from None


def check_gpus(sweep: Sweep) -> None:
    """Raise `CheckError` where a task of the sweep wants more GPUs than torch finds on this machine."""
    wanted, found = sweep.resources.gpus, torch.cuda.device_count()
    if wanted > found:
        raise CheckError(
            f"resources.gpus: {wanted:g} for each task, and torch finds {found} CUDA devices on this machine; set "
            "resources.gpus to 0, or run the sweep on a cluster that has them: with --address and without --inline"
        )


def check_recipe(recipe: Recipe) -> None:
    """Raise `CheckError` where the recipe's data are absent, or its network, backend or attack does not fit. Loads nothing."""
    backend = recipe.settled().backend
    assert backend != "auto"
    try:
        locate(recipe.data)
        check_text(recipe.data, recipe.text)
        description = describe(recipe.data, recipe.text)
        network = build(recipe.network, description.shape, description.outputs)
        stack = Stack(network, backend, dropout=recipe.dropout)
        check_lengths(recipe, description.shape)
        check_labels(recipe, stack, description.shape)
        check_attack(recipe, recipe.data, description.classes)
        check_pretrained(recipe)
    except RecipeError as error:
        raise CheckError(f"recipe.{error}") from None
    except (DataError, NetworkError, RealSetError) as error:
        raise CheckError(str(error)) from None


def _recipes(sweep: Sweep, data: str) -> Iterator[Recipe]:
    """Yield a recipe for each network on ``data``, in each backend that a trial may have."""
    networks = _values(sweep, "network")
    for recipe in _variants(sweep, data):
        for network in networks:
            for backend in _values(sweep, "backend"):
                yield dataclasses.replace(recipe, network=network, backend=backend)
    for network in sweep.evaluate.final.networks or ():
        if network not in networks:
            # Another network than the trial's own is computed in its own best way.
            yield dataclasses.replace(sweep.recipe, data=data, network=network, backend="auto")


def _variants(sweep: Sweep, data: str) -> Iterator[Recipe]:
    """Yield the recipe on ``data``, and with each choice at a key that asks more of data or networks."""
    recipe = dataclasses.replace(sweep.recipe, data=data)
    yield recipe
    for key in ("method", "base", "objective", "pretrained"):
        if sweep.search and key in sweep.search.space:
            for value in _values(sweep, key):
                yield Recipe.parse({**recipe.plain(), key: value})


def _check_classes(sweep: Sweep, data: str, description: Description) -> None:
    for classes in _values(sweep, "classes"):
        if classes is not None and max(classes) >= description.classes:
            raise CheckError(
                f"recipe.classes: {max(classes)} is no class of {data}, whose classes are 0 to {description.classes - 1}"
            )


def _check_examples(sweep: Sweep, dataset: Dataset) -> None:
    """Real examples, or centroids of as many, are there for the largest recipe that wants them; a mean needs one."""
    starts = [f"inputs: {start}" for start in _values(sweep, "inputs") if start != "noise"]
    if sweep.recipe.base is None:
        starts += [f"method: {method}" for method in _values(sweep, "method") if method != "unrolled"]
    who = next((name for name in (*sweep.baselines, *starts) if name != "average"), None)
    if who is None:
        return
    wanted = max(_values(sweep, "steps")) * max(_values(sweep, "per_class"))
    counts = dataset.train.labels.bincount(minlength=dataset.classes).tolist()
    named = {label for classes in _values(sweep, "classes") for label in classes or range(dataset.classes)}
    smallest = min(counts[label] for label in named)
    if wanted > smallest:
        raise CheckError(
            f"{who} wants {wanted} training examples of each class, and {dataset.name} has a class of {smallest}; "
            f"leave it out, or bound steps and per_class"
        )


def _check_learned_labels(sweep: Sweep) -> None:
    """The recipe goes on real inputs that stay as they are: not one whose method learns labels alone anyway."""
    if "learned_labels" not in sweep.baselines:
        return
    for method in _values(sweep, "method"):
        try:
            labels_alone(dataclasses.replace(sweep.recipe, method=method))
        except RecipeError as error:
            raise CheckError(f"baselines: learned_labels does not go with method {method}: {error}") from None


def _check_neighbours(sweep: Sweep, data: str, description: Description) -> None:
    """The smallest set has as many examples as neighbours are asked."""
    if not {"knn_random_real", "knn_k_means"} & set(sweep.baselines):
        return
    classes = min(len(named) if named is not None else description.classes for named in _values(sweep, "classes"))
    examples = min(_values(sweep, "steps")) * min(_values(sweep, "per_class")) * classes
    if max(sweep.tuning.neighbours) > examples:
        raise CheckError(
            f"tuning.neighbours: {max(sweep.tuning.neighbours)} of a set of {examples} examples of {data}; expected at most "
            f"{examples}"
        )


def _values(sweep: Sweep, key: str) -> list[Any]:
    """Return every value that a trial's recipe may have at ``key``: a choice's all, a range's ends, else the recipe's own."""
    dimension = sweep.search.space.get(key) if sweep.search else None
    if dimension is None:
        return [getattr(sweep.recipe, key)]
    plain = dimension.plain()
    found: list[Any] = plain.get("choice") or plain.get("int") or plain.get("float") or []
    return found

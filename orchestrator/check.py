"""What a sweep needs that its file cannot tell, checked before work starts: data, a network that fits them, enough examples."""

from __future__ import annotations

from typing import Any

from distiller.data import DataError, Dataset, Description, describe, load, locate
from distiller.networks import NetworkError, build
from sweeps import Sweep

__all__ = ["CheckError", "check"]


class CheckError(ValueError):
    """A sweep that cannot run here, in one line."""


def check(sweep: Sweep) -> None:
    """Raise `CheckError` where a recipe of the sweep cannot run: absent data, a network that does not fit, too few examples.

    Every data set that the search may choose is looked for and read once, every network is built for every data set.
    """
    for data in _values(sweep, "data"):
        try:
            locate(data)
            description = describe(data)
            _check_networks(sweep, data, description)
            _check_classes(sweep, data, description)
            _check_examples(sweep, load(data, sweep.evaluate.validation))
        except (DataError, NetworkError) as error:
            raise CheckError(str(error)) from None


def _check_networks(sweep: Sweep, data: str, description: Description) -> None:
    for network in {*_values(sweep, "network"), *(sweep.evaluate.final.networks or ())}:
        module = build(network, description.shape, description.outputs)
        del module


def _check_classes(sweep: Sweep, data: str, description: Description) -> None:
    for classes in _values(sweep, "classes"):
        if classes is not None and max(classes) >= description.classes:
            raise CheckError(
                f"recipe.classes: {max(classes)} is no class of {data}, whose classes are 0 to {description.classes - 1}"
            )


def _check_examples(sweep: Sweep, dataset: Dataset) -> None:
    """Real examples, of a baseline or to start from, are as many of a class as the largest recipe distils."""
    who = (
        "random_real"
        if "random_real" in sweep.baselines
        else "inputs: real"
        if "real" in _values(sweep, "inputs")
        else None
    )
    if who is None:
        return
    wanted = max(_values(sweep, "steps")) * max(_values(sweep, "per_class"))
    smallest = int(dataset.train.labels.bincount(minlength=dataset.classes).min())
    if wanted > smallest:
        raise CheckError(
            f"{who} wants {wanted} training examples of each class, and {dataset.name} has a class of {smallest}; "
            f"leave it out, or bound steps and per_class"
        )


def _values(sweep: Sweep, key: str) -> list[Any]:
    """Return every value that a trial's recipe may have at ``key``: a choice's all, a range's ends, else the recipe's own."""
    dimension = sweep.search.space.get(key) if sweep.search else None
    if dimension is None:
        return [getattr(sweep.recipe, key)]
    plain = dimension.plain()
    found: list[Any] = plain.get("choice") or plain.get("int") or plain.get("float") or []
    return found

"""Train fresh networks on the distilled set of a file, in this process."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

from distiller.data import Dataset, describe, load
from distiller.distilled import Distilled
from distiller.evaluate import evaluate, evaluation_seeds
from distiller.process import settle_process
from distiller.recipe import Recipe
from orchestrator.check import check_recipe
from orchestrator.extra_asked import Asked
from orchestrator.extra_figures import Extra, Measured
from orchestrator.opening import RunError
from orchestrator.pulse import pulse
from orchestrator.ways import Way, rates_of
from sweeps.schema import Tuning

__all__ = ["evaluate_file"]

_TUNING_NETWORKS = 20  # a run says how many by evaluate.inits


def evaluate_file(distilled: Distilled, source: str, asked: Asked, say: Callable[[str], None]) -> Extra:
    """Measure what is asked of a file's set; see `orchestrator.extra.evaluate`."""
    recipe = Recipe(
        data=distilled.data, network=distilled.network, epochs=distilled.epochs, text=distilled.text
    ).settled()
    networks, ways = list(asked.networks) or [recipe.network], asked.ways(recipe, lambda: distilled)
    for network in networks:
        check_recipe(recipe.with_network(network))
    settle_process(recipe)
    tuning = not all(way.is_tuned for way in ways)
    dataset = load(recipe.data, describe(recipe.data, recipe.text).train // 6 if tuning else 0, text=recipe.text)
    _check_same_data(distilled, dataset, source)
    with pulse(say, asked.said(networks, ways, source)):
        measured = [
            _measure_here(recipe.with_network(network), dataset, distilled, way, asked.inits)
            for way in ways
            for network in networks
        ]
    return Extra(source, recipe.data, recipe.network, tuple(measured))


def _measure_here(recipe: Recipe, dataset: Dataset, distilled: Distilled, way: Way, inits: int) -> Measured:
    """Measure one network in one way, in this process; what is to be tuned is tuned first."""
    if not way.is_tuned:
        assert way.training is not None
        at = [way.at(rate) for rate in rates_of(way.training, Tuning().rates)]
        means = [_mean(_accuracies(recipe, dataset, distilled, each, "validation", _TUNING_NETWORKS)) for each in at]
        way = at[means.index(max(means))]
    accuracies = _accuracies(recipe, dataset, distilled, way, "test", inits)
    return Measured(recipe.network, recipe.init, **way.columns(), accuracies=accuracies, wanted=inits)


def _accuracies(
    recipe: Recipe, dataset: Dataset, distilled: Distilled, way: Way, split: str, inits: int
) -> list[float]:
    drawn = way.recipe(recipe)
    seeds = evaluation_seeds(drawn, {"validation": "tune", "test": "extra"}[split], inits)
    return [each.accuracy for each in evaluate(drawn, dataset, way.set(distilled), seeds, getattr(dataset, split))]


def _mean(accuracies: Sequence[float]) -> float:
    return sum(accuracies) / len(accuracies)


def _check_same_data(distilled: Distilled, dataset: Dataset, source: str) -> None:
    """Raise `RunError` where a set was distilled from other data than those of its name that are here.

    Statistics of a user's own data are sums, which may differ in their last digits from machine to machine.
    """
    ours = (dataset.classes, list(dataset.shape), [*dataset.mean, *dataset.std])
    theirs = (distilled.classes, list(distilled.inputs.shape[2:]), [*distilled.mean, *distilled.std])
    near = len(ours[2]) == len(theirs[2]) and all(
        map(functools.partial(math.isclose, rel_tol=1e-6), ours[2], theirs[2])
    )
    if ours[:2] != theirs[:2] or not near:
        raise RunError(
            f"{source}: was distilled from other data than {dataset.name} here: {_say(*theirs)}, and here {_say(*ours)}; "
            "put the data that it was distilled from there"
        )


def _say(classes: int, shape: list[int], statistics: list[float]) -> str:
    half = len(statistics) // 2
    mean, std = (", ".join(f"{value:.6g}" for value in part) for part in (statistics[:half], statistics[half:]))
    return f"{classes} classes, shape {' x '.join(map(str, shape))}, mean {mean}, std {std}"

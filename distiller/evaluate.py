"""Train many fresh networks on a distilled set, and measure each on held-out examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from distiller.data import Dataset, Examples
from distiller.distilled import Distilled
from distiller.drawing import Networks, draw_networks, network_seeds, stack_of
from distiller.networks import Parameters, Stack
from distiller.objectives import AttackFigures, attack_figures, outer_labels
from distiller.recipe import Recipe
from distiller.seeds import derive
from distiller.trainer import train_networks
from distiller.unroll import Score, score

__all__ = ["Evaluation", "evaluate", "evaluation_seeds"]


@dataclass(frozen=True)
class Evaluation:
    """One network: its seed, its accuracy (0 .. 1) and mean cross-entropy after training, and its accuracy before.

    Both are against the labels that the recipe's objective wants; ``attack`` says more where it is an attack. ``accuracy_before``
    is `None` where it was not asked for; ``loss`` is not finite where training diverged.
    """

    seed: int
    accuracy: float
    loss: float
    accuracy_before: float | None = None
    attack: AttackFigures | None = None


def evaluation_seeds(recipe: Recipe, stream: str, inits: int) -> list[int]:
    """Return the seeds of the networks that a distilled set is measured on.

    A random initialisation has ``inits`` of them in the named ``stream``, the same for every recipe of one sweep seed; a fixed
    one has just the ``inits_per_step`` networks that it was distilled for.
    """
    if recipe.init == "fixed":
        return network_seeds(recipe, 0)
    return [derive(recipe.seed, stream, i) for i in range(inits)]


def evaluate(
    recipe: Recipe,
    dataset: Dataset,
    distilled: Distilled,
    seeds: Sequence[int],
    examples: Examples,
    *,
    before: bool = False,
    networks: Networks | None = None,
) -> list[Evaluation]:
    """Train one network for each seed on ``distilled`` and measure it on ``examples``, in the order of ``seeds``.

    They are trained in the set's own way, ``distilled.training``. Networks are the recipe's, drawn by its scheme and computed in
    its chunks; ``dataset`` and ``examples`` have to be on one device and in the recipe's dtype. A network that diverges keeps its
    place: its loss says so. Pre-trained networks are taken from ``networks``, by their seeds; what they are before training on
    ``distilled`` is then what no adaptation gives.
    """
    recipe, device = recipe.settled(), examples.inputs.device
    stack = stack_of(recipe, dataset)
    distilled = distilled.to(device, dataset.dtype)
    chunk = recipe.chunk or len(seeds)
    wanted = Examples(examples.inputs, outer_labels(recipe, examples.labels))
    results: list[Evaluation] = []
    for start in range(0, len(seeds), chunk):
        part = list(seeds[start : start + chunk])
        drawn = draw_networks(recipe, stack, part, device, networks)
        trained = train_networks(stack, drawn, distilled, distilled.training, part)
        after = _score(recipe, dataset, stack, trained, wanted)
        nothing = [None] * len(part)
        of_each = zip(
            part,
            after.accuracy.tolist(),
            after.loss.tolist(),
            _score(recipe, dataset, stack, drawn, wanted).accuracy.tolist() if before else nothing,
            attack_figures(recipe, dataset, stack, trained, examples) or nothing,
            strict=True,
        )
        results += [Evaluation(*each) for each in of_each]
    return results


def _score(recipe: Recipe, dataset: Dataset, stack: Stack, networks: Parameters, examples: Examples) -> Score:
    real_chunk = recipe.real_chunk or len(examples)
    return score(stack, networks, examples.inputs, examples.labels, classes=dataset.classes, real_chunk=real_chunk)

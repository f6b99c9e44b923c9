"""Train many fresh networks on a distilled set, and measure each on held-out examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from distiller.data import Dataset, Examples
from distiller.distilled import Distilled
from distiller.drawing import Networks, draw_networks, network_seeds, stack_of
from distiller.recipe import Recipe
from distiller.seeds import derive
from distiller.trainer import train_networks
from distiller.unroll import score

__all__ = ["Evaluation", "evaluate", "evaluation_seeds"]


@dataclass(frozen=True)
class Evaluation:
    """One network: its seed, its accuracy (0 .. 1) and mean cross-entropy after training, and its accuracy before.

    ``accuracy_before`` is `None` where it was not asked for; ``loss`` is not finite where training diverged.
    """

    seed: int
    accuracy: float
    loss: float
    accuracy_before: float | None = None


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
    distilled = distilled.to(device, examples.inputs.dtype)
    chunk, real_chunk = recipe.chunk or len(seeds), recipe.real_chunk or len(examples)
    results: list[Evaluation] = []
    for start in range(0, len(seeds), chunk):
        part = list(seeds[start : start + chunk])
        drawn = draw_networks(recipe, stack, part, device, networks)
        trained = train_networks(stack, drawn, distilled, distilled.training, part)
        limits = {"classes": dataset.classes, "real_chunk": real_chunk}
        after = score(stack, trained, examples.inputs, examples.labels, **limits)
        accuracies = (
            score(stack, drawn, examples.inputs, examples.labels, **limits).accuracy.tolist() if before else None
        )
        for k, seed in enumerate(part):
            accuracy_before = accuracies[k] if accuracies is not None else None
            results.append(Evaluation(seed, after.accuracy[k].item(), after.loss[k].item(), accuracy_before))
    return results

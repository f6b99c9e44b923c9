"""The unrolled method: inputs, rates and soft labels, or some of these, descend the exact meta-gradient by Adam."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from distiller.centroids import centroid_batches
from distiller.checkpoint import Checkpoint
from distiller.data import Dataset
from distiller.distilled import Distilled
from distiller.distilled_lengths import cut_to_lengths, words_of
from distiller.drawing import Networks, draw_networks, network_seeds, stack_of, worker_shares
from distiller.gang import ALONE, Gang
from distiller.label_start import start_labels
from distiller.method import Reached, Slope
from distiller.moments import moments_of, restore
from distiller.networks import Parameters
from distiller.passes import Passes
from distiller.real_sets import real_batches, start_classes
from distiller.recipe import Decay, Recipe
from distiller.seeds import derive, normal, seed_tensor
from distiller.state import CURVE, State
from distiller.unroll import MetaGradient, meta_gradient

__all__ = ["Unrolled", "decay", "distilled_of", "start"]


def start(recipe: Recipe, dataset: Dataset) -> State:
    """Return the state before the first outer step: inputs and labels as the recipe says, all rates at ``distill_lr``.

    Raises `ValueError` where ``inputs: real`` wants more examples of a class than there are.
    """
    dtype = getattr(torch, recipe.dtype)
    # The inverse of softplus, written so that a small rate keeps its digits and a large one does not overflow.
    raw_rate = recipe.distill_lr + math.log(-math.expm1(-recipe.distill_lr))
    learned = {
        "inputs": cut_to_lengths(recipe, dataset, _start_inputs(recipe, dataset).to(dtype)),
        "labels": start_labels(recipe, dataset),
        "raw_rates": torch.full((recipe.inner_steps,), raw_rate, dtype=dtype),
    }
    logged = (*CURVE, "validation") if recipe.checkpoint is not None else CURVE
    return State(0, learned, {}, {name: torch.zeros(0, dtype=torch.float64) for name in logged})


def _start_inputs(recipe: Recipe, dataset: Dataset) -> Tensor:
    if recipe.inputs != "noise":
        batches = real_batches if recipe.inputs == "real" else centroid_batches
        return batches(recipe, dataset, "distil", recipe.run, "inputs")[0]
    shape = (recipe.steps, len(start_classes(recipe, dataset)), *dataset.shape)
    return normal(seed_tensor([derive(recipe.seed, "distil", recipe.run, "inputs")]), math.prod(shape)).view(shape)


def distilled_of(recipe: Recipe, dataset: Dataset, state: State) -> Distilled:
    """Return the distilled set that ``state`` has learned, on the CPU: the best checkpoint's, where these are measured."""
    learned = state.best or state.learned
    rates = F.softplus(learned["raw_rates"])
    return Distilled.of(recipe, dataset, learned["inputs"], learned["labels"], rates)


class Unrolled:
    """The `Method` of a recipe that unrolls: leaves, optimiser, and the order of the pass under way."""

    gradient = "meta-gradient"

    def __init__(
        self, recipe: Recipe, dataset: Dataset, state: State, networks: Networks | None = None, gang: Gang = ALONE
    ) -> None:
        self.recipe, self.dataset, self.networks, self.gang = recipe, dataset, networks, gang
        self.share = worker_shares(recipe, gang.workers)[gang.rank]
        self.device = dataset.train.inputs.device
        self.stack = stack_of(recipe, dataset)
        self.batches = Passes(recipe, dataset.train)
        self.learned = {name: tensor.to(self.device).clone() for name, tensor in state.learned.items()}
        constant = {"inputs": not recipe.learn_inputs, "labels": recipe.labels == "hard"}
        self.names = [name for name in self.learned if not constant.get(name, False)]
        self.words = words_of(recipe, self.learned["inputs"])
        self.adam = _adam(recipe, self.learned, self.names, state)
        self.fixed = self._draw(0, self.share) if recipe.init == "fixed" else None
        self.checkpoint = self._checkpoint(state)

    def slope(self, outer_step: int) -> Slope:
        """Return the meta-gradient by the learned tensors, before clipping."""
        meta = self._meta_gradient(outer_step)
        gradients = self._gradients(meta)
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients.values()])).item()
        return Slope(meta.score.loss.mean().item(), meta.score.accuracy.mean().item(), norm, gradients)

    def descend(self, outer_step: int, slope: Slope) -> None:
        """Clip, and step by Adam at the step's outer rates."""
        scale = min(1.0, (self.recipe.outer_clip or math.inf) / slope.norm) if slope.norm > 0 else 1.0
        factor = decay(self.recipe, outer_step, self.batches.per_pass)
        for name, group in zip(self.names, self.adam.param_groups, strict=True):
            group["lr"] = _first_lr(self.recipe, name) * factor
            self.learned[name].grad = slope.gradients[name] * scale
        self.adam.step()

    def validation(self, outer_step: int) -> float:
        """Return the fixed networks' accuracy where the recipe has it measured, else not a number."""
        if self.checkpoint is None:
            return math.nan
        return self.checkpoint.measure(outer_step, self.learned, F.softplus(self.learned["raw_rates"]))

    def reached(self) -> Reached:
        """Return copies of what is learned, of Adam's memory and of the best checkpoint."""
        learned = {name: tensor.detach().cpu().clone() for name, tensor in self.learned.items()}
        best = {name: tensor.cpu().clone() for name, tensor in self.checkpoint.best.items()} if self.checkpoint else {}
        return Reached(learned, moments_of(self.adam, {name: self.learned[name] for name in self.names}), best)

    def _checkpoint(self, state: State) -> Checkpoint | None:
        if self.recipe.checkpoint is None:
            return None
        assert self.fixed is not None  # the recipe has seen to it
        # All networks in every worker: in other company, the last bits of one may differ.
        networks = self.fixed if self.gang.workers == 1 else self._draw(0, slice(None))
        stack = self.stack.keyed(network_seeds(self.recipe, 0))
        checkpoint = Checkpoint(self.recipe, stack, networks, self.dataset.validation, self.dataset.classes)
        checkpoint.best = {name: tensor.to(self.device) for name, tensor in state.best.items()}
        return checkpoint

    def _meta_gradient(self, outer_step: int) -> MetaGradient:
        real = self.batches.at(outer_step)
        seeds = [derive(seed, "outer", outer_step) for seed in network_seeds(self.recipe, outer_step)[self.share]]
        return meta_gradient(
            self.stack.keyed(seeds),
            self.fixed or self._draw(outer_step, self.share),
            self.learned["inputs"],
            self.learned["labels"],
            F.softplus(self.learned["raw_rates"]),
            real.inputs,
            real.labels,
            classes=self.dataset.classes,
            learn_labels=self.recipe.labels == "soft",
            learn_inputs=self.recipe.learn_inputs,
            memory=self.recipe.memory,
            chunk=self.recipe.chunk or self.recipe.inits_per_step,
            real_chunk=self.recipe.real_chunk or len(real),
            gang=self.gang,
        )

    def _draw(self, outer_step: int, share: slice) -> Parameters:
        seeds = network_seeds(self.recipe, outer_step)[share]
        return draw_networks(self.recipe, self.stack, seeds, self.device, self.networks)

    def _gradients(self, meta: MetaGradient) -> dict[str, Tensor]:
        # softplus' is the logistic function: from rates back to their parameterisation.
        raw_rates = meta.rates * torch.sigmoid(self.learned["raw_rates"])
        inputs = meta.inputs if meta.inputs is None or self.words is None else meta.inputs * self.words
        gradients = {"inputs": inputs, "raw_rates": raw_rates, "labels": meta.labels}
        return {name: gradient for name, gradient in gradients.items() if gradient is not None}


def _adam(recipe: Recipe, learned: Mapping[str, Tensor], names: list[str], state: State) -> torch.optim.Adam:
    """Return Adam over the learned tensors (Wang et al.'s betas), a group each, with the memory that ``state`` carries."""
    groups = [{"params": [learned[name]], "lr": _first_lr(recipe, name)} for name in names]
    adam = torch.optim.Adam(groups, betas=(0.5, 0.999))
    restore(adam, learned, state.moments)
    return adam


def _first_lr(recipe: Recipe, name: str) -> float:
    """Return the outer rate of the learned tensor ``name`` before any decay."""
    return recipe.rate_lr if name == "raw_rates" and recipe.rate_lr is not None else recipe.outer_lr


def decay(recipe: Recipe, outer_step: int, per_pass: int) -> float:
    """Return the factor of a step's outer rates.

    A `Decay` falls after exactly ``every`` passes; Wang et al.'s code is a pass early.
    """
    if isinstance(recipe.outer_decay, Decay):
        return recipe.outer_decay.factor ** (outer_step // per_pass // recipe.outer_decay.every)
    if recipe.outer_decay == "cosine":
        return 0.5 * (1 + math.cos(math.pi * outer_step / recipe.outer_steps))
    return 1.0

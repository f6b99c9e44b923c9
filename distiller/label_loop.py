"""The outer loop of label distillation, by either of its methods (Bohdal et al. 2020, arXiv 2006.08572, algorithms 1 and 2).

Labels start uniform. Each outer step takes a batch of real examples and some base examples, moves the labels by Adam along the
gradient that the online network gives, brings them back to probabilities, and lets the network learn. Now and then fresh networks
are trained on the labels, as many steps as online networks have lasted, and the labels they validate best on are kept; where
there are no validation examples, the last ones are.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from distiller.base_examples import base_inputs, check_base
from distiller.data import Dataset
from distiller.distilled import Distilled
from distiller.drawing import draw_networks, network_seeds, stack_of
from distiller.labels import NETWORK_LR, SecondOrder
from distiller.method import Reached, Slope
from distiller.moments import moments_of, restore
from distiller.networks import Headless, Stack
from distiller.passes import Passes
from distiller.recipe import Recipe
from distiller.restarts import Restarts
from distiller.ridge import RidgeNetworks
from distiller.seeds import derive, permutation
from distiller.state import CURVE, State, grouped, within
from distiller.trainer import train_networks
from distiller.training import Training
from distiller.unroll import score
from distiller.unrolled import decay

__all__ = ["Labels", "check_labels", "distilled_of", "label_training", "project", "start"]


_CURVE = (*CURVE, "validation")


def check_labels(recipe: Recipe, stack: Stack, shape: tuple[int, ...]) -> None:
    """Raise `NetworkError`, `DataError` or `RealSetError` where labels cannot be learned for examples of ``shape``; load nothing.

    Of a recipe of another method, nothing is asked.
    """
    if recipe.method == "ridge":
        Headless(stack, shape)
    check_base(recipe, shape)


def start(recipe: Recipe, dataset: Dataset) -> State:
    """Return the state before the first outer step: the base examples, and labels that are all alike.

    Raises `RealSetError` and `DataError` where there are no such base examples.
    """
    inputs = base_inputs(recipe, dataset).to(getattr(torch, recipe.dtype))
    # One output stands for two classes.
    alike = 1 / max(2, dataset.outputs)
    learned = {
        "inputs": inputs[None],
        "labels": torch.full((1, len(inputs), dataset.outputs), alike, dtype=inputs.dtype),
    }
    return State(0, learned, {}, {name: torch.zeros(0, dtype=torch.float64) for name in _CURVE})


def distilled_of(recipe: Recipe, dataset: Dataset, state: State) -> Distilled:
    """Return the labels that validated best, with the number of steps to train for, on the CPU."""
    if state.best:
        return _set(recipe, dataset, state.learned["inputs"], state.best["labels"], int(state.best["steps"]))
    steps = Restarts.of(recipe.patience, within("restarts", state.online)).training_steps()
    return _set(recipe, dataset, state.learned["inputs"], state.learned["labels"], steps)


def label_training(recipe: Recipe, steps: int) -> Training:
    """Return how networks are trained on labels of the recipe, or on the true labels in their place, for ``steps`` steps."""
    optimiser: Literal["adam", "ridge"] = "ridge" if recipe.method == "ridge" else "adam"
    return Training(optimiser=optimiser, lr=NETWORK_LR, batch=recipe.inner_batch, steps=steps)


def project(labels: Tensor) -> Tensor:
    """Return labels [..., outputs] as probabilities: clamped to 0 .. 1, each row over its sum; one of zeros becomes uniform."""
    clamped = labels.clamp(0, 1)
    if labels.shape[-1] == 1:
        return clamped
    total = clamped.sum(-1, keepdim=True)
    return torch.where(total > 0, clamped / total, 1 / labels.shape[-1])


def _set(recipe: Recipe, dataset: Dataset, inputs: Tensor, labels: Tensor, steps: int) -> Distilled:
    return Distilled.of(recipe, dataset, inputs, labels, inputs.new_zeros(0), label_training(recipe, steps))


class Labels:
    """The `Method` of a recipe that learns labels alone: these, their optimiser, and the online network under way."""

    gradient = "labels' gradient"

    def __init__(self, recipe: Recipe, dataset: Dataset, state: State) -> None:
        self.recipe, self.dataset = recipe, dataset
        self.device = dataset.train.inputs.device
        self.stack = stack_of(recipe, dataset)
        self.passes = Passes(recipe, dataset.train)
        self.inputs, self.labels = (state.learned[name].to(self.device).clone() for name in ("inputs", "labels"))
        self.adam = torch.optim.Adam([self.labels], lr=recipe.outer_lr)
        restore(self.adam, {"labels": self.labels}, state.moments)
        self.restarts, self.best = Restarts(recipe.patience), dict(state.best)
        if state.online:
            self.restarts = Restarts.of(recipe.patience, within("restarts", state.online))
        self.online = self._fresh()
        if state.online:
            self.online.load(within("online", state.online))
        self.order: tuple[int, Tensor] | None = None

    def slope(self, outer_step: int) -> Slope:
        """Return the gradient by the labels of this step's base examples."""
        rows, real = self._rows(outer_step), self.passes.at(outer_step)
        inputs, labels = self.inputs[0, rows], self.labels[0, rows]
        gradient, reached = self.online.label_gradient(inputs, labels, real, self.dataset.classes)
        norm = torch.linalg.vector_norm(gradient).item()
        return Slope(reached.loss.item(), reached.accuracy.item(), norm, {"labels": gradient})

    def descend(self, outer_step: int, slope: Slope) -> None:
        """Move the labels, let the online network learn them, and where one is due begin a fresh network."""
        rows = self._rows(outer_step)
        self._move(rows, slope.gradients["labels"], outer_step)
        self.online.learn(self.labels[0, rows])
        if self.restarts.record(1 - slope.accuracy):
            self.online = self._fresh()

    def validation(self, outer_step: int) -> float:
        """Return the accuracy of fresh networks on the labels where a selection is due, else not a number."""
        return self._select(outer_step) if self._is_selection_due(outer_step) else math.nan

    def reached(self) -> Reached:
        """Return copies of the labels, their base examples, Adam's memory, the best labels and the online network."""
        learned = {"inputs": self.inputs.cpu().clone(), "labels": self.labels.cpu().clone()}
        online = {
            **grouped("online", self.online.tensors()),
            **grouped("restarts", self.restarts.tensors()),
        }
        return Reached(learned, moments_of(self.adam, {"labels": self.labels}), self.best, online)

    def _fresh(self) -> SecondOrder | RidgeNetworks:
        """Return the online network that comes after those that have gone, and its optimiser."""
        seeds = network_seeds(self.recipe, len(self.restarts.lengths))
        network = draw_networks(self.recipe, self.stack, seeds, self.device)
        if self.recipe.method == "ridge":
            return RidgeNetworks(self.stack, network, self.dataset.shape, self.dataset.outputs)
        return SecondOrder(self.stack, network, self.recipe.real_chunk or self.recipe.batch)

    def _rows(self, outer_step: int) -> Tensor:
        """Return the base examples of this step: pass by pass, each once a pass, the last of a pass maybe fewer."""
        count, batch = self.inputs.shape[1], self.recipe.inner_batch
        number, index = divmod(outer_step, math.ceil(count / batch))
        if self.order is None or self.order[0] != number:
            key = derive(self.recipe.seed, "distil", self.recipe.run, "base order", number)
            self.order = number, permutation(key, count).to(self.device)
        return self.order[1][index * batch : (index + 1) * batch]

    def _move(self, rows: Tensor, gradient: Tensor, outer_step: int) -> None:
        """Move all labels by Adam, those of other examples by its momentum, and bring them back to probabilities."""
        factor = decay(self.recipe, outer_step, self.passes.per_pass)
        self.adam.param_groups[0]["lr"] = self.recipe.outer_lr * factor
        self.labels.grad = torch.zeros_like(self.labels)
        self.labels.grad[0, rows] = gradient
        self.adam.step()
        self.labels.copy_(project(self.labels))

    def _is_selection_due(self, outer_step: int) -> bool:
        if len(self.dataset.validation) == 0:
            return False
        every = self.recipe.selection.every * self.passes.per_pass
        return outer_step % every == 0 or outer_step == self.recipe.outer_steps

    def _select(self, outer_step: int) -> float:
        """Train fresh networks on the labels, keep these where they validate as well as the best before; return the accuracy."""
        recipe, dataset = self.recipe, self.dataset
        steps = self.restarts.training_steps()
        key = ("distil", recipe.run, "selection", outer_step)
        seeds = [derive(recipe.seed, *key, k) for k in range(recipe.selection.networks)]
        drawn = draw_networks(recipe, self.stack, seeds, self.device)
        learned = _set(recipe, dataset, self.inputs, self.labels, steps)
        trained = train_networks(self.stack, drawn, learned, learned.training, seeds)
        held_out, chunk = dataset.validation, recipe.real_chunk or recipe.batch
        scored = score(self.stack, trained, held_out.inputs, held_out.labels, classes=dataset.classes, real_chunk=chunk)
        accuracy = scored.accuracy.mean().cpu()
        if not self.best or accuracy >= self.best["accuracy"]:
            self.best = {"labels": self.labels.cpu().clone(), "steps": torch.tensor(steps), "accuracy": accuracy}
        return accuracy.item()

"""The outer loop as a value: `start` a distillation, `advance` it by some steps, stop anywhere, go on elsewhere.

A `State` is a few plain tensors. Every draw of outer step j is keyed by (seed, run, j), not taken from a generator that is
carried along, so that segments of any length, on any worker, give the same distilled set.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from safetensors.torch import load, save
from torch import Tensor

from distiller.data import Dataset, Examples
from distiller.distilled import Distilled, safetensors_metadata
from distiller.losses import one_hot
from distiller.networks import Parameters, Stack, build
from distiller.real_sets import real_batches, start_classes
from distiller.recipe import Decay, Recipe
from distiller.seeds import derive, normal, permutation, seed_tensor
from distiller.unroll import MetaGradient, meta_gradient

__all__ = ["State", "advance", "distilled_of", "draw_networks", "network_seeds", "stack_of", "start"]

_CURVE = ("loss", "accuracy", "gradient_norm", "seconds")


@dataclass(frozen=True, eq=False)
class State:
    """A distillation after ``outer_step`` outer steps, on the CPU.

    ``learned`` holds inputs [S, M, *shape], labels [S, M, outputs] and raw_rates [T], where a rate is softplus(raw_rate);
    ``moments`` is Adam's memory of the learned ones; ``curve`` holds, for each outer step so far, the mean outer loss and
    accuracy of its networks on its real batch, the norm of the meta-gradient before clipping, and the seconds it took.
    ``diverged`` says what was not finite, and where; such a state goes no further. Its last step is in the curve and changed
    nothing else.
    """

    outer_step: int
    learned: Mapping[str, Tensor]
    moments: Mapping[str, Tensor]
    curve: Mapping[str, Tensor]
    diverged: str | None = None

    def to_bytes(self) -> bytes:
        """Return the state as one safetensors file."""
        groups = {"learned": self.learned, "moments": self.moments, "curve": self.curve}
        tensors = {f"{group}/{name}": tensor for group, values in groups.items() for name, tensor in values.items()}
        return save(tensors, {"state": json.dumps({"outer_step": self.outer_step, "diverged": self.diverged})})

    @classmethod
    def from_bytes(cls, payload: bytes) -> State:
        """Read what `to_bytes` wrote, equal to the bit."""
        groups: dict[str, dict[str, Tensor]] = {"learned": {}, "moments": {}, "curve": {}}
        for path, tensor in load(payload).items():
            group, name = path.split("/")
            groups[group][name] = tensor
        about = json.loads(safetensors_metadata(payload)["state"])
        return cls(about["outer_step"], **groups, diverged=about["diverged"])


def start(recipe: Recipe, dataset: Dataset) -> State:
    """Return the state before the first outer step: inputs as the recipe says, one-hot labels, all rates at ``distill_lr``.

    Raises `ValueError` where ``inputs: real`` wants more examples of a class than there are.
    """
    dtype = getattr(torch, recipe.dtype)
    classes = start_classes(recipe, dataset)
    targets = one_hot(torch.tensor(classes), dataset.classes).to(dtype)
    # The inverse of softplus, written so that a small rate keeps its digits and a large one does not overflow.
    raw_rate = recipe.distill_lr + math.log(-math.expm1(-recipe.distill_lr))
    learned = {
        "inputs": _start_inputs(recipe, dataset).to(dtype),
        "labels": targets.expand(recipe.steps, -1, -1).contiguous(),
        "raw_rates": torch.full((recipe.inner_steps,), raw_rate, dtype=dtype),
    }
    return State(0, learned, {}, {name: torch.zeros(0, dtype=torch.float64) for name in _CURVE})


def _start_inputs(recipe: Recipe, dataset: Dataset) -> Tensor:
    if recipe.inputs == "real":
        return real_batches(recipe, dataset, "distil", recipe.run, "inputs")[0]
    shape = (recipe.steps, len(start_classes(recipe, dataset)), *dataset.shape)
    return normal(seed_tensor([derive(recipe.seed, "distil", recipe.run, "inputs")]), math.prod(shape)).view(shape)


def advance(recipe: Recipe, dataset: Dataset, state: State, steps: int) -> State:
    """Return the state after up to ``steps`` more outer steps: fewer where the recipe's end or a divergence comes first.

    ``dataset`` has to be on the recipe's device and in its dtype; its ``train`` part is the real data.
    """
    outer = _OuterLoop(recipe.settled(), dataset, state)
    for _ in range(min(steps, recipe.outer_steps - state.outer_step)):
        if outer.diverged is not None:
            break
        outer.step()
    return outer.state()


def distilled_of(recipe: Recipe, dataset: Dataset, state: State) -> Distilled:
    """Return the distilled set that ``state`` has learned, on the CPU."""
    learned = state.learned
    rates = F.softplus(learned["raw_rates"])
    about = (recipe.epochs, dataset.classes, dataset.mean, dataset.std, dataset.name, recipe.network)
    return Distilled(learned["inputs"], learned["labels"], rates, *about)


def stack_of(recipe: Recipe, dataset: Dataset) -> Stack:
    """Build the recipe's network for ``dataset``, computed on stacks as the recipe says."""
    settled = recipe.settled()
    assert settled.backend != "auto"
    return Stack(build(settled.network, dataset.shape, dataset.outputs), settled.backend)


def network_seeds(recipe: Recipe, outer_step: int) -> list[int]:
    """Return the seeds of the networks of one outer step: the same at every step for a fixed initialisation.

    A fixed network belongs to (seed, run, index) alone, so that training and every evaluation start from the same ones.
    """
    if recipe.init == "fixed":
        return [derive(recipe.seed, "fixed", recipe.run, k) for k in range(recipe.inits_per_step)]
    return [derive(recipe.seed, "distil", recipe.run, "network", outer_step, k) for k in range(recipe.inits_per_step)]


def draw_networks(recipe: Recipe, stack: Stack, seeds: list[int], device: torch.device | str) -> Parameters:
    """Draw one network for each seed, in the recipe's dtype and initialisation scheme: [K, ...] a parameter."""
    return stack.draw(recipe.init_scheme, seed_tensor(seeds, device), getattr(torch, recipe.dtype))


class _OuterLoop:
    """What one call of `advance` holds between outer steps: leaves, optimiser, and the order of the pass under way."""

    def __init__(self, recipe: Recipe, dataset: Dataset, state: State) -> None:
        self.recipe, self.dataset = recipe, dataset
        self.device = dataset.train.inputs.device
        self.stack = stack_of(recipe, dataset)
        self.batches = _RealBatches(recipe, dataset.train)
        self.outer_step, self.diverged = state.outer_step, state.diverged
        self.learned = {name: tensor.to(self.device).clone() for name, tensor in state.learned.items()}
        self.names = [name for name in self.learned if name != "labels" or recipe.labels == "soft"]
        self.adam = _adam(recipe, self.learned, self.names, state)
        self.curve = {name: values.tolist() for name, values in state.curve.items()}
        self.fixed = self._draw() if recipe.init == "fixed" else None

    def step(self) -> None:
        """Do one outer step: meta-gradient, clipping, Adam."""
        began = time.perf_counter()
        meta = self._meta_gradient()
        gradients = self._gradients(meta)
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients.values()])).item()
        loss = meta.score.loss.mean().item()
        if math.isfinite(loss) and math.isfinite(norm):
            scale = min(1.0, (self.recipe.outer_clip or math.inf) / norm) if norm > 0 else 1.0
            self._descend({name: gradient * scale for name, gradient in gradients.items()})
            self.outer_step += 1
        else:
            what = "outer loss" if not math.isfinite(loss) else "meta-gradient"
            self.diverged = f"the {what} was not finite at outer step {self.outer_step}"
        row = (loss, meta.score.accuracy.mean().item(), norm, time.perf_counter() - began)
        for name, value in zip(_CURVE, row, strict=True):
            self.curve[name].append(value)

    def state(self) -> State:
        """Return the state reached, on the CPU."""
        learned = {name: tensor.detach().cpu().clone() for name, tensor in self.learned.items()}
        moments = {
            f"{name}.{key}": value.cpu().clone()
            for name in self.names
            for key, value in self.adam.state.get(self.learned[name], {}).items()
        }
        curve = {name: torch.tensor(values, dtype=torch.float64) for name, values in self.curve.items()}
        return State(self.outer_step, learned, moments, curve, self.diverged)

    def _meta_gradient(self) -> MetaGradient:
        real = self.batches.at(self.outer_step)
        return meta_gradient(
            self.stack,
            self.fixed or self._draw(),
            self.learned["inputs"],
            self.learned["labels"],
            F.softplus(self.learned["raw_rates"]),
            real.inputs,
            real.labels,
            classes=self.dataset.classes,
            learn_labels=self.recipe.labels == "soft",
            memory=self.recipe.memory,
            chunk=self.recipe.chunk or self.recipe.inits_per_step,
            real_chunk=self.recipe.real_chunk or len(real),
        )

    def _draw(self) -> Parameters:
        return draw_networks(self.recipe, self.stack, network_seeds(self.recipe, self.outer_step), self.device)

    def _gradients(self, meta: MetaGradient) -> dict[str, Tensor]:
        # softplus' is the logistic function: from rates back to their parameterisation.
        gradients = {"inputs": meta.inputs, "raw_rates": meta.rates * torch.sigmoid(self.learned["raw_rates"])}
        return gradients if meta.labels is None else gradients | {"labels": meta.labels}

    def _descend(self, gradients: Mapping[str, Tensor]) -> None:
        for group in self.adam.param_groups:
            group["lr"] = _outer_lr(self.recipe, self.outer_step, self.batches.per_pass)
        for name in self.names:
            self.learned[name].grad = gradients[name]
        self.adam.step()


class _RealBatches:
    """The real batch of each outer step: passes over fresh permutations, keyed by the pass; the last batch of one is shorter."""

    def __init__(self, recipe: Recipe, real: Examples) -> None:
        self.recipe, self.real = recipe, real
        self.per_pass = math.ceil(len(real) / recipe.batch)
        self.order: tuple[int, Tensor] | None = None

    def at(self, outer_step: int) -> Examples:
        number, index = divmod(outer_step, self.per_pass)
        if self.order is None or self.order[0] != number:
            key = derive(self.recipe.seed, "distil", self.recipe.run, "real", number)
            self.order = number, permutation(key, len(self.real)).to(self.real.labels.device)
        rows = self.order[1][index * self.recipe.batch : (index + 1) * self.recipe.batch]
        return Examples(self.real.inputs[rows], self.real.labels[rows])


def _adam(recipe: Recipe, learned: Mapping[str, Tensor], names: list[str], state: State) -> torch.optim.Adam:
    """Return Adam over the learned tensors (Wang et al.'s betas), with the memory that ``state`` carries."""
    adam = torch.optim.Adam([learned[name] for name in names], lr=recipe.outer_lr, betas=(0.5, 0.999))
    for path, value in state.moments.items():
        name, key = path.split(".")
        # Adam counts its steps on the CPU and keeps its moments beside their parameter.
        adam.state[learned[name]][key] = value.clone() if key == "step" else value.to(learned[name].device).clone()
    return adam


def _outer_lr(recipe: Recipe, outer_step: int, per_pass: int) -> float:
    """Return the outer rate of a step. A `Decay` falls after exactly ``every`` passes; Wang et al.'s code is a pass early."""
    if isinstance(recipe.outer_decay, Decay):
        return recipe.outer_lr * recipe.outer_decay.factor ** (outer_step // per_pass // recipe.outer_decay.every)
    if recipe.outer_decay == "cosine":
        return recipe.outer_lr * 0.5 * (1 + math.cos(math.pi * outer_step / recipe.outer_steps))
    return recipe.outer_lr

"""Draw the parameters of K networks at once, each from its own 64-bit seed.

All of a network's random numbers are one float64 stream of its seed, cut among its parameters in order and scaled, so a network
is the same whether it is drawn alone or with others, on a CPU or on a GPU (up to the rounding of a device's logarithm, which
float32 hides).

What a scheme decides is the weights of convolutions and linear layers; their biases start at 0 (``default`` draws them too) and
norm layers at weight 1, bias 0. Fans are those of `torch.nn.init`. A parameter of any other module (an embedding, a recurrent
layer, one of your own) is drawn by the module's own ``reset_parameters()`` where it has one, under a generator that starts from
the network's seed; where it has none, all networks start from the value that the constructor gave it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from distiller import seeds as streams

from .error import NetworkError

__all__ = ["SCHEMES", "Parameters", "Slot", "draw", "initialise", "slots"]

Parameters = tuple[Tensor, ...]
"""Parameters of K networks of one kind, in the order of the module's own: each [K, *shape]."""

_Module = TypeVar("_Module", bound=nn.Module)

_NORMS = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)


@dataclass(frozen=True)
class Slot:
    """One parameter of a network: its name, shape, role, and the fans of the layer it belongs to."""

    name: str
    shape: tuple[int, ...]
    role: Literal["weight", "bias", "one", "zero", "own"]
    fan_in: int
    fan_out: int
    owner: nn.Module

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


def slots(module: nn.Module) -> tuple[Slot, ...]:
    """Return the parameters of ``module`` in its own order, each with its role.

    A parameter that several modules share appears once, by its first name and in its first role.
    """
    return tuple(_slot(module, name, tuple(parameter.shape)) for name, parameter in module.named_parameters())


def _slot(module: nn.Module, name: str, shape: tuple[int, ...]) -> Slot:
    path, _, local = name.rpartition(".")
    owner = module.get_submodule(path)
    if isinstance(owner, _ConvNd | nn.Linear):
        out, into, *window = owner.weight.shape
        field = math.prod(window)
        return Slot(name, shape, "weight" if local == "weight" else "bias", into * field, out * field, owner)
    if isinstance(owner, _NORMS):
        return Slot(name, shape, "one" if local == "weight" else "zero", 0, 0, owner)
    return Slot(name, shape, "own", 0, 0, owner)


def draw(table: tuple[Slot, ...], scheme: str, seeds: Tensor, dtype: torch.dtype) -> Parameters:
    """Draw K networks of the parameters ``table`` from ``seeds`` int64 [K], by the scheme of that name, on the seeds' device.

    Raises `NetworkError` for an unknown scheme.
    """
    if scheme not in SCHEMES:
        raise NetworkError(f"no initialisation scheme is named {scheme!r}; known: {', '.join(SCHEMES)}")
    rule = SCHEMES[scheme]
    random = {"weight", "bias"} if rule.biases else {"weight"}
    counts = [slot.size if slot.role in random else 0 for slot in table]
    numbers = (streams.normal if rule.normal else streams.uniform)(seeds, sum(counts))
    own = _draw_own(table, seeds)
    return tuple(
        _fill(slot, rule, chunk, own.get(slot.name), seeds).to(dtype)
        for slot, chunk in zip(table, torch.split(numbers, counts, dim=1), strict=True)
    )


def initialise(module: _Module, scheme: str, seed: int) -> _Module:
    """Give a plain ``module`` the parameters that ``seed`` draws, in place; return it in evaluation mode, as evaluations use it.

    Raises `NetworkError` for an unknown scheme.
    """
    table = slots(module.eval())
    for slot, drawn in zip(table, draw(table, scheme, streams.seed_tensor([seed]), torch.float64), strict=True):
        module.get_parameter(slot.name).data.copy_(drawn[0])
    return module


def _fill(slot: Slot, rule: Rule, numbers: Tensor, own: Tensor | None, seeds: Tensor) -> Tensor:
    """Return one parameter of K networks, float64 [K, *shape]."""
    shape = (len(seeds), *slot.shape)
    if own is not None:
        return own
    if numbers.shape[1]:
        return rule.scale(numbers.reshape(shape), slot)
    return torch.full(shape, 1.0 if slot.role == "one" else 0.0, dtype=torch.float64, device=seeds.device)


def _draw_own(table: tuple[Slot, ...], seeds: Tensor) -> dict[str, Tensor]:
    """Return the parameters that no scheme knows, by name: [K, *shape]."""
    own = [slot for slot in table if slot.role == "own"]
    if not own:
        return {}
    networks = [_reset_own(own, seed) for seed in seeds.tolist()]
    return {slot.name: torch.stack([network[slot.name] for network in networks]).to(seeds.device) for slot in own}


def _reset_own(own: list[Slot], seed: int) -> dict[str, Tensor]:
    """Let the owners of ``own`` draw their parameters from ``seed``; they keep what they drew."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(seed)
        for owner in dict.fromkeys(slot.owner for slot in own):
            reset = getattr(owner, "reset_parameters", None) or getattr(owner, "_reset_parameters", None)
            if reset is not None:
                reset()
        return {
            slot.name: slot.owner.get_parameter(slot.name.rpartition(".")[2]).detach().clone().cpu() for slot in own
        }


@dataclass(frozen=True)
class Rule:
    """What a scheme does: which numbers it takes, whether biases take any, and how it scales [K, *shape] of them."""

    normal: bool
    scale: Callable[[Tensor, Slot], Tensor]
    biases: bool = False


def _gauss(sd: Callable[[Slot], float]) -> Rule:
    return Rule(True, lambda numbers, slot: numbers * sd(slot))


def _flat(bound: Callable[[Slot], float], biases: bool = False) -> Rule:
    """Return the rule that stretches (0, 1) to (-bound, bound)."""
    return Rule(False, lambda numbers, slot: (numbers - 0.5) * (2 * bound(slot)), biases)


def _orthogonal(numbers: Tensor, slot: Slot) -> Tensor:
    """Return uniformly distributed (semi-)orthogonal matrices [K, rows, rest] (Saxe et al. 2014), as `torch.nn.init` does."""
    matrices = numbers.flatten(2)
    wide = matrices.shape[1] < matrices.shape[2]
    q, r = torch.linalg.qr(matrices.mT if wide else matrices)
    signed: Tensor = q * r.diagonal(dim1=-2, dim2=-1).sign()[:, None, :]
    return (signed.mT if wide else signed).reshape(numbers.shape)


SCHEMES: dict[str, Rule] = {
    # Glorot and Bengio 2010, gain 1: "random initialisation" of the distillation papers.
    "xavier_normal": _gauss(lambda s: math.sqrt(2 / (s.fan_in + s.fan_out))),
    "xavier_uniform": _flat(lambda s: math.sqrt(6 / (s.fan_in + s.fan_out))),
    # He et al. 2015, gain sqrt(2) for ReLU.
    "kaiming_normal": _gauss(lambda s: math.sqrt(2 / s.fan_in)),
    "kaiming_normal_out": _gauss(lambda s: math.sqrt(2 / s.fan_out)),
    "kaiming_uniform": _flat(lambda s: math.sqrt(6 / s.fan_in)),
    "orthogonal": Rule(True, _orthogonal),
    # The usual small fixed deviation; that of the 2018 code is an option whose default, 1, does not train.
    "normal": _gauss(lambda s: 0.02),
    # torch's own for convolutions and linear layers: He's uniform with a = sqrt(5), which is 1 / sqrt(fan_in), biases too.
    "default": _flat(lambda s: 1 / math.sqrt(s.fan_in), biases=True),
}

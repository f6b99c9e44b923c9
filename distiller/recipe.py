"""A recipe says everything about one distillation; same recipe, same kind of device: same result.

Read with `Recipe.parse`, which names the key and what would be accepted; needs neither torch nor any other library, so that a
sweep can be read, checked and frozen before anything heavy is imported.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from distiller.text import Text

__all__ = ["Attack", "AttackObjective", "Base", "Decay", "Pretrained", "Recipe", "RecipeError", "Selection"]

InitScheme = Literal[
    "xavier_normal", "xavier_uniform", "kaiming_normal", "kaiming_normal_out", "kaiming_uniform", "orthogonal", "normal",
    "default",
]  # fmt: skip


class RecipeError(ValueError):
    """A value that a recipe cannot take: ``key`` is its path, ``reason`` says what would be accepted."""

    def __init__(self, key: tuple[str, ...], reason: str) -> None:
        super().__init__(f"{'.'.join(key)}: {reason}" if key else reason)
        self.key = key
        self.reason = reason


def _number(default: Any = dataclasses.MISSING, *, least: float | None = None, above: float | None = None) -> Any:
    return field(default=default, metadata={"least": least, "above": above})


@dataclass(frozen=True, kw_only=True)
class Decay:
    """Multiply a learning rate by ``factor`` after every ``every`` passes over the real data."""

    every: int = _number(least=1)
    factor: float = _number(above=0)


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """Networks that are trained on all of a data set before a distilled set trains them further; see `distiller.pretrain`."""

    data: str
    """A data set's name or path; other data than the recipe's make it an adaptation."""
    passes: int = _number(3, least=1)
    """Passes over all training examples, each in an order of its own."""
    lr: float = _number(0.002, above=0)
    """Adam's rate, with betas 0.5 and 0.999."""
    decay: Decay | None = None
    batch: int = _number(128, least=1)
    pool: int = _number(200, least=1)
    """With a random initialisation: the networks that every outer step draws its own from."""


@dataclass(frozen=True, kw_only=True)
class Attack:
    """Have networks take the examples of one class for those of another, and know all others (Wang et al. 2018, section 4.4)."""

    class_: int = _number(least=0)
    """The attacked class; in files its key is ``class``."""
    target: int = _number(least=0)

    def __post_init__(self) -> None:
        if self.class_ == self.target:
            raise RecipeError(("objective", "attack", "target"), f"is the attacked class itself, {self.target}")


@dataclass(frozen=True, kw_only=True)
class AttackObjective:
    """The objective ``{attack: {class: 0, target: 1}}``."""

    attack: Attack = field()


@dataclass(frozen=True, kw_only=True)
class Base:
    """Base examples of another source than the recipe's own data: a data set's name or path, or ``noise``, and how many."""

    data: str
    examples: int = _number(least=1)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Train ``networks`` fresh networks on the labels after every ``every`` passes, and keep the labels they validate best on."""

    every: int = _number(5, least=1)
    networks: int = _number(1, least=1)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One distillation. Names are the papers'; defaults are those of Wang et al. 2018 (arXiv 1811.10959) where it has one.

    A field that is `None` or ``"auto"`` is filled by `settled` from a fixed table, so that what decides the bits of a result
    (device, chunk, backend, threads, memory, dtype) is written down with it.
    """

    data: str
    """A data set's name, or the path of an NPZ file, a folder of images or a file of text (see `distiller.data`)."""
    network: str
    """A network's name, or ``package.module:Class`` for any `torch.nn.Module` of your own (see `distiller.networks`)."""
    method: Literal["unrolled", "labels", "ridge"] = "unrolled"
    """Learn inputs, rates and labels through an unrolled training; or labels alone for base examples that stay as they are, by a
    second-order step or by ridge regression (Bohdal et al. 2020, arXiv 2006.08572)."""
    init: Literal["fixed", "random"] = "random"
    """Whether every outer step starts from the same networks or from freshly drawn ones."""
    init_scheme: InitScheme = "xavier_normal"
    pretrained: Pretrained | None = None
    """How networks are trained before they meet distilled data; `None` for networks as they are drawn."""
    inits_per_step: int = _number(1, least=1)
    """Networks that the meta-gradient of one outer step averages over."""
    steps: int = _number(1, least=1)
    """Distilled batches (S)."""
    epochs: int = _number(1, least=1)
    """Passes over the distilled batches (E); an unroll has S x E inner steps, each with a learned rate of its own."""
    per_class: int = _number(1, least=1)
    """Examples of each class in a distilled batch."""
    classes: tuple[int, ...] | None = None
    """The classes that distilled examples start at; `None` for all. Fewer examples than classes want soft labels."""
    inputs: Literal["noise", "real", "k_means"] = "noise"
    """Where distilled inputs start: at standard normal noise, as in the papers, at real training examples of their classes, or at
    centroids of these."""
    learn_inputs: bool = True
    """False: inputs stay as they start, so that rates alone are learned, and labels where they are soft."""
    labels: Literal["hard", "soft"] = "hard"
    """Soft labels are learned, free real numbers (Sucholutsky and Schonlau, arXiv 1910.02551)."""
    label_start: Literal["one_hot", "smoothed", "random"] = "one_hot"
    """Where soft labels start; hard ones are one-hot (see `distiller.label_start`)."""
    objective: Literal["basic", "adapt"] | AttackObjective = "basic"
    """What trained networks shall do with real examples: know their classes, ``adapt`` to them from the other data that they are
    pre-trained on, or an attack (see `distiller.objectives`)."""
    base: Base | None = None
    """Of ``labels`` and ``ridge``: where base examples come from; `None` for ``per_class`` of each class of the recipe's data."""
    inner_batch: int = _number(50, least=1)
    """Of ``labels`` and ``ridge``: base examples of a training step, of the online network and of those trained on the result."""
    patience: int = _number(50, least=1)
    """Of ``labels`` and ``ridge``: outer steps without improvement after which a fresh online network takes over."""
    selection: Selection = Selection()
    """Of ``labels`` and ``ridge``: how labels and the number of training steps are chosen on validation."""
    distill_lr: float = _number(0.02, above=0)
    """Where each of the S x E learned rates starts."""
    outer_steps: int = _number(2000, least=1)
    outer_lr: float = _number(0.01, above=0)
    outer_decay: Literal["cosine"] | Decay | None = None
    """`None` for a constant outer rate, ``cosine`` to fall to zero over all outer steps, or a `Decay`."""
    outer_clip: float | None = _number(None, above=0)
    """Largest norm of the whole meta-gradient; a longer one is scaled down to it."""
    smoothing: float | None = _number(None, above=0)
    """The width over which the meta-gradient sees ReLU and max-pooling switch; `None` for the exact one, which is blind to it
    (see `distiller.networks.smoothing`)."""
    rate_lr: float | None = _number(None, above=0)
    """The outer rate of the learned rates' parameterisation; `None` for ``outer_lr``. It follows ``outer_decay`` too."""
    checkpoint: int | None = _number(None, least=1)
    """Measure the fixed networks on the validation examples after every so many outer steps and after the last one, and keep what
    was learned where they are best; `None` keeps the last."""
    batch: int = _number(1024, least=1)
    """Real examples in an outer step; passes go over a fresh permutation each, the last, shorter batch kept."""
    real_examples: int | None = _number(None, least=1)
    """Training examples that are used at all, drawn by class and by a fixed key; `None` for all that validation leaves."""
    validation: int = _number(0, least=0)
    """Examples cut from the training data, by class and by a fixed key, for validation."""
    seed: int = _number(1, least=0)
    run: int = _number(0, least=0)
    """Which of several distillations of the same recipe; each has streams of its own."""
    threshold: float = 0.0
    """Of two classes: the logit above which a network says the second; Wang et al.'s code has 0.5."""
    text: Text | None = None
    """How sentences become inputs; `None` for the defaults, and for data that are no text."""

    dropout: float = _number(0.0, least=0)
    """The share of features that TextConvNet drops in inner steps, and in no other; the published one drops 0.5, so that even a
    fixed network is trained by chance."""

    memory: Literal["saved", "recompute"] = "recompute"
    """Keep each inner step's graph (faster, memory grows with S x E), or build it again on the way back (memory stays flat)."""
    backend: Literal["auto", "loop", "vmap", "batched"] = "auto"
    """How a network computes on a stack of parameters: one after another, by `torch.vmap`, or by its own batched code."""
    chunk: int | None = _number(None, least=1)
    """Networks that are computed at once."""
    real_chunk: int | None = _number(None, least=1)
    """Real examples that are computed at once; sums of chunks are exact, and small ones spare a CPU's allocator."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["float32", "float64"] = "float32"
    threads: int = _number(1, least=1)
    """CPU threads of one task."""

    @classmethod
    def parse(cls, mapping: Mapping[str, Any]) -> Recipe:
        """Read a recipe from plain values, as a YAML or JSON file gives them.

        Raises `RecipeError` for an unknown key, a missing one, a value of the wrong kind or out of range.
        """
        recipe = _parse(cls, mapping, ())
        assert isinstance(recipe, Recipe)
        return recipe

    def __post_init__(self) -> None:
        if self.classes is not None and len(set(self.classes)) != len(self.classes):
            raise RecipeError(("classes",), f"names a class twice: {list(self.classes)}")
        if self.classes is not None and (not self.classes or min(self.classes) < 0):
            raise RecipeError(("classes",), f"expected class numbers from 0 up, at least one, got {list(self.classes)}")
        pool = self.pretrained.pool if self.pretrained is not None and self.init == "random" else self.inits_per_step
        if pool < self.inits_per_step:
            reason = (
                f"expected at least the {self.inits_per_step} of inits_per_step, which are drawn from it, got {pool}"
            )
            raise RecipeError(("pretrained", "pool"), reason)
        if self.label_start != "one_hot" and self.labels == "hard":
            raise RecipeError(("label_start",), f"hard labels start one_hot; {self.label_start} wants soft ones")
        if self.objective == "adapt" and (self.pretrained is None or self.pretrained.data == self.data):
            reason = f"adapt is from networks that are pretrained on other data than {self.data}; set pretrained.data to these"
            raise RecipeError(("objective",), reason)
        if self.checkpoint is not None and self.init != "fixed":
            raise RecipeError(("checkpoint",), "measures fixed networks; with init random leave it out")
        if self.checkpoint is not None and self.validation == 0:
            raise RecipeError(("checkpoint",), "is chosen on validation examples; set validation above 0")
        if self.dropout >= 1:
            raise RecipeError(("dropout",), f"expected a number from 0 to below 1, got {self.dropout}")
        self._check_lengths()
        self._check_method()

    def _check_lengths(self) -> None:
        lengths = self.text.lengths if self.text is not None else None
        if lengths is None:
            return
        if self.method != "unrolled":
            raise RecipeError(("text", "lengths"), f"has no say with method {self.method}; leave it out")
        if not lengths or min(lengths) < 1:
            raise RecipeError(
                ("text", "lengths"), f"expected numbers of words from 1 up, at least one, got {list(lengths)}"
            )

    def _check_method(self) -> None:
        """Refuse a key that the method does not read, unless it is left at its default."""
        learns_labels = self.method != "unrolled"
        unread = _OF_UNROLLED if learns_labels else _OF_LABELS
        unread += ("per_class", "classes") if self.base is not None else ()
        for f in dataclasses.fields(self):
            if f.name in unread and getattr(self, f.name) != f.default:
                who = "a base of its own" if f.name in ("per_class", "classes") else f"method {self.method}"
                raise RecipeError((f.name,), f"has no say with {who}; leave it out")

    @property
    def attack(self) -> Attack | None:
        """The attack that is the objective; `None` where it is another."""
        return self.objective.attack if isinstance(self.objective, AttackObjective) else None

    @property
    def inner_steps(self) -> int:
        """Number T = S x E of inner gradient steps, and of learned rates."""
        return self.steps * self.epochs

    @property
    def chunks_per_step(self) -> int:
        """How many chunks of networks a step of the settled recipe has: what several workers can share out among them."""
        return math.ceil(self.inits_per_step / (self.settled().chunk or 1))

    def settled(self) -> Recipe:
        """Return the same recipe with every ``auto`` and `None` that decides bits filled in, by a fixed table.

        LeNet, AlexCifarNet and the networks of sentences are batched by hand; others go one after another on a CPU, vmapped on
        CUDA. 8 networks and 128 real examples are computed at once on a CPU, 64 and 1,024 on CUDA.
        """
        device = "cpu" if self.device == "auto" else self.device
        on_cpu = device == "cpu"
        own = self.network in _BATCHED
        backend = self.backend if self.backend != "auto" else "batched" if own else "loop" if on_cpu else "vmap"
        return dataclasses.replace(
            self,
            device=device,
            backend=backend,
            chunk=self.chunk or (1 if backend == "loop" else 8 if on_cpu else 64),
            real_chunk=self.real_chunk or (128 if on_cpu else 1024),
        )

    def with_network(self, network: str) -> Recipe:
        """Return the recipe with that network, settled; another one than its own is computed in its own best way."""
        if network == self.network:
            return self.settled()
        return dataclasses.replace(self, network=network, backend="auto", chunk=None).settled()

    def plain(self) -> dict[str, Any]:
        """Return the recipe as plain values that `parse` reads back."""
        values = dataclasses.asdict(self, dict_factory=lambda pairs: {_key(name): value for name, value in pairs})
        values |= {"text": None if self.text is None else self.text.plain()}
        return values | {"classes": None if self.classes is None else list(self.classes)}

    def digest(self) -> str:
        """Return the SHA-256 of the settled recipe, in hexadecimal."""
        return hashlib.sha256(json.dumps(self.settled().plain(), sort_keys=True).encode()).hexdigest()


_OF_LABELS: tuple[str, ...] = ("base", "inner_batch", "patience", "selection")
_OF_UNROLLED: tuple[str, ...] = (
    "init", "pretrained", "objective", "label_start", "inits_per_step", "steps", "epochs", "inputs", "learn_inputs",
    "labels", "distill_lr", "outer_clip", "rate_lr", "checkpoint", "smoothing", "dropout", "memory",
)  # fmt: skip
"""Keys that only one of the methods reads."""

# Networks with batched code of their own that beats one after another, as `benchmarks/outer_step.py` measures it.
_BATCHED = frozenset({"lenet", "alexcifarnet", "textconvnet", "birnn", "bilstm", "convlstm"})


def _parse(kind: type, mapping: object, path: tuple[str, ...]) -> Any:
    if not isinstance(mapping, Mapping):
        raise RecipeError(path, f"expected keys and values, got {_show(mapping)}")
    fields = {_key(f.name): f for f in dataclasses.fields(kind)}
    hints = _hints(kind)
    for key in mapping:
        if key not in fields:
            raise RecipeError((*path, str(key)), f"unknown key; known here: {', '.join(fields)}")
    for key, f in fields.items():
        if key not in mapping and f.default is dataclasses.MISSING:
            raise RecipeError((*path, key), "is missing")
    given = [(fields[key], value) for key, value in mapping.items()]
    return kind(**{f.name: _read(hints[f.name], value, f.metadata, (*path, _key(f.name))) for f, value in given})


def _key(name: str) -> str:
    """Return a field's key in files: its name, without the underscore that keeps it from being a word of Python's."""
    return name.removesuffix("_")


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    """Return the types of a dataclass's fields; a driver parses a recipe a task, and each look costs half a millisecond."""
    return typing.get_type_hints(kind)


def _read(hint: Any, value: object, limits: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    for option in options:
        matched, result = _match(option, value, path)
        if matched:
            _check_limits(result, limits, path)
            return result
    expected = " or ".join(_describe(option, limits) for option in options)
    raise RecipeError(path, f"expected {expected}, got {_show(value)}")


def _match(option: Any, value: object, path: tuple[str, ...]) -> tuple[bool, Any]:
    """Say whether ``value`` is of the kind ``option``, and return it in that kind."""
    if typing.get_origin(option) is Literal:
        return isinstance(value, str) and value in typing.get_args(option), value
    if typing.get_origin(option) is tuple:
        fits = isinstance(value, list | tuple) and all(_is_int(item) for item in value)
        return fits, tuple(value) if fits else None  # type: ignore[arg-type]
    if dataclasses.is_dataclass(option):
        return (True, _parse(option, value, path)) if isinstance(value, Mapping) else (False, None)  # type: ignore[arg-type]
    if option is int:
        return _is_int(value), value
    if option is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return fits, float(value) if fits else None  # type: ignore[arg-type]
    return value is None if option is type(None) else isinstance(value, option), value


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _check_limits(value: object, limits: Mapping[str, Any], path: tuple[str, ...]) -> None:
    if isinstance(value, int | float) and limits:
        too_small = limits["least"] is not None and value < limits["least"]
        if too_small or (limits["above"] is not None and value <= limits["above"]):
            raise RecipeError(path, f"expected {_describe(type(value), limits)}, got {_show(value)}")


def _describe(option: Any, limits: Mapping[str, Any]) -> str:
    if typing.get_origin(option) is Literal:
        return ", ".join(typing.get_args(option))
    if typing.get_origin(option) is tuple:
        return "a list of whole numbers"
    if dataclasses.is_dataclass(option):
        return "{" + ", ".join(f"{_key(f.name)}: ..." for f in dataclasses.fields(option)) + "}"
    name = {int: "a whole number", float: "a number", str: "a name", bool: "true or false", type(None): "nothing"}[
        option
    ]
    if option in (int, float) and limits.get("least") is not None:
        return f"{name} of at least {limits['least']}"
    return f"{name} above {limits['above']}" if option in (int, float) and limits.get("above") is not None else name


def _show(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

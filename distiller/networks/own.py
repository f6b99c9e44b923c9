"""Networks of your own: any `torch.nn.Module`, named ``package.module:Class``.

The class is called as ``Class(shape, outputs)`` where its constructor has two positional parameters without defaults, or two
named ``shape`` and ``outputs``; ``shape`` is that of one example, such as (1, 28, 28). It is called as ``Class()`` where it needs
no parameters. Its forward maps inputs [B, *shape] to logits [B, outputs]; a data set of two classes has one output.

The module is imported from the working directory or wherever Python looks; built under a random generator with a fixed seed, so
that what a constructor draws does not depend on what ran before; put in evaluation mode; and tried on two examples of zeros.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import sys
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from .error import NetworkError, first_line

__all__ = ["build_own"]


def build_own(name: str, shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Import, build and try the network ``package.module:Class``; raise `NetworkError` in one line for whatever is wrong."""
    with _working_directory_importable(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        module = _construct(name, _find(name), shape, outputs).eval()
        _try(name, module, shape, outputs)
    _check_unrollable(name, module)
    return module


@contextlib.contextmanager
def _working_directory_importable() -> Iterator[None]:
    """Look for modules in the working directory first, as ``python -m`` does and a console command does not."""
    here = os.getcwd()
    sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(here)


def _find(name: str) -> type[nn.Module]:
    place, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(place), attribute, None)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{place}.".startswith(f"{error.name}."):
            raise NetworkError(f"network {name}: importing {place} failed with {first_line(error)}") from error
        raise NetworkError(
            f"network {name}: no module {place} in {os.getcwd()} or among the installed packages"
        ) from error
    except Exception as error:
        raise NetworkError(f"network {name}: importing {place} failed with {first_line(error)}") from error
    if found is None:
        raise NetworkError(f"network {name}: module {place} has no class {attribute!r}")
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise NetworkError(f"network {name}: expected a class of torch.nn.Module, got {found!r}")
    return found


def _construct(name: str, kind: type[nn.Module], shape: tuple[int, ...], outputs: int) -> nn.Module:
    parameters = [
        p for p in inspect.signature(kind).parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    needed = [p for p in parameters if p.default is p.empty]
    named = [p.name for p in parameters[:2]] == ["shape", "outputs"]
    if len(needed) not in (0, 2) and not named:
        raise NetworkError(
            f"network {name}: its constructor needs {len(needed)} arguments; expected (shape, outputs) or none at all"
        )
    try:
        return kind(shape, outputs) if named or len(needed) == 2 else kind()
    except Exception as error:
        called = f"({shape}, {outputs})" if named or len(needed) == 2 else "()"
        raise NetworkError(f"network {name}: {kind.__name__}{called} failed with {first_line(error)}") from error


def _try(name: str, module: nn.Module, shape: tuple[int, ...], outputs: int) -> None:
    try:
        with torch.no_grad():
            logits = module(torch.zeros(2, *shape))
    except Exception as error:
        raise NetworkError(f"network {name}: does not fit examples of shape {shape}: {first_line(error)}") from error
    if not isinstance(logits, torch.Tensor):
        raise NetworkError(f"network {name}: expected a tensor of logits, got {type(logits).__name__}")
    if tuple(logits.shape) != (2, outputs):
        raise NetworkError(
            f"network {name}: expected logits of shape (2, {outputs}) for two examples, got {tuple(logits.shape)}"
        )


def _check_unrollable(name: str, module: nn.Module) -> None:
    if not any(True for _ in module.parameters()):
        raise NetworkError(f"network {name}: has no parameters to train")
    for path, part in module.named_modules():
        if isinstance(part, _NormBase) and part.track_running_stats:
            raise NetworkError(
                f"network {name}: {path or type(part).__name__} keeps running statistics, which inner steps would "
                "neither update nor differentiate; build it with track_running_stats=False"
            )

"""What one distillation is: recipe, data, networks, the unrolled distiller, evaluation.

From Python: ``from distiller import Recipe, load_data, start, advance, distilled_of, evaluate``. Names are imported when they are
asked for, so that a recipe can be read and checked without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distiller.baselines import random_real
    from distiller.data import load as load_data
    from distiller.distill import State, advance, distilled_of, stack_of, start
    from distiller.distilled import Distilled
    from distiller.evaluate import Evaluation, evaluate, evaluation_seeds
    from distiller.recipe import Recipe
    from distiller.unroll import meta_gradient

__all__ = [
    "Distilled",
    "Evaluation",
    "Recipe",
    "State",
    "advance",
    "distilled_of",
    "evaluate",
    "evaluation_seeds",
    "load_data",
    "meta_gradient",
    "random_real",
    "stack_of",
    "start",
]

_ROOMS = {
    "Distilled": "distilled",
    "Evaluation": "evaluate",
    "Recipe": "recipe",
    "State": "distill",
    "advance": "distill",
    "distilled_of": "distill",
    "evaluate": "evaluate",
    "evaluation_seeds": "evaluate",
    "load_data": "data",
    "meta_gradient": "unroll",
    "random_real": "baselines",
    "stack_of": "distill",
    "start": "distill",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = importlib.import_module(f"distiller.{_ROOMS[name]}")
    return getattr(room, "load" if name == "load_data" else name)

"""What a complete trial is worth to the search: its accuracy, and what its set costs whoever trains on it."""

from __future__ import annotations

from collections.abc import Sequence

from distiller.distilled import Distilled
from orchestrator.search import Direction
from sweeps import Sweep

__all__ = ["directions_of", "objective_values", "objectives_of"]


def objectives_of(sweep: Sweep) -> tuple[str, ...]:
    """Return the names of the objectives; accuracy alone where nothing is searched."""
    return sweep.search.objectives if sweep.search else ("accuracy",)


def directions_of(objectives: Sequence[str]) -> tuple[Direction, ...]:
    """Return where each should go."""
    return tuple("maximize" if name == "accuracy" else "minimize" for name in objectives)


def objective_values(objectives: Sequence[str], accuracy: float, distilled: bytes | None, network: str) -> list[float]:
    """Return the value of each objective, of a ``distilled`` set that was measured at ``accuracy`` on ``network``.

    Examples and operations are counts (see `distiller.operations`), so that they are the same wherever a trial runs.
    """
    if tuple(objectives) == ("accuracy",):
        return [accuracy]
    # Torch's counter takes seconds to import, and most searches need none.
    from distiller.operations import training_operations

    assert distilled is not None
    made = Distilled.from_bytes(distilled)
    count = {
        "accuracy": lambda: accuracy,
        "examples": lambda: float(len(made)),
        "operations": lambda: float(training_operations(made, network)),
    }
    return [count[name]() for name in objectives]

"""Which trial a user means: its number, or the best one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.ledger import Ledger
from orchestrator.opening import RunError
from orchestrator.place import Place
from orchestrator.plan import best_trials

__all__ = ["chosen_trial", "has_set"]

_NAMED = 20  # trials that a complaint names


def has_set(row: Mapping[str, Any]) -> bool:
    """Say whether a finished trial left a distilled set."""
    return row["distilled"] is not None


def chosen_trial(
    folder: Place,
    ledger: Ledger,
    trial: int | str,
    fits: Callable[[Mapping[str, Any]], bool] = has_set,
    lacks: str = "has no distilled set",
) -> int:
    """Return the number of the finished trial that ``trial`` names, a number or ``best``, the best complete one.

    Raises `RunError`, which says what the trial ``lacks`` and which ones do not, where ``fits`` is not true of it.
    """
    fitting = [number for number, row in sorted(ledger.trials.items()) if fits(row)]
    best = best_trials(ledger, 1)
    if str(trial) == "best" and best:
        return best[0]
    if str(trial).isdecimal() and int(trial) in fitting:
        return int(trial)
    if not fitting:
        raise RunError(f"{folder}: trial {trial} {lacks}, nor has any other so far; see `stillhouse report {folder}`")
    named = ", ".join(map(str, fitting[:_NAMED])) + (", ..." if len(fitting) > _NAMED else "")
    wanted = "one of these" if str(trial) == "best" else "best, or one of these"
    raise RunError(f"{folder}: trial {trial} {lacks}; expected {wanted}: {named}")

"""The trials of another search that a search knows before its first: read once, then frozen with the run."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from orchestrator.objectives import directions_of
from orchestrator.opening import Run, RunError, open_run
from orchestrator.optuna_storage import StorageError, read_study
from orchestrator.search import Known
from sweeps import Dimension, Sweep
from sweeps.part import RefusedError
from sweeps.secret import without_passwords
from sweeps.space import Choice, IntRange, value_in

__all__ = ["WarmStart", "frozen_warm_start", "read_warm_start"]

_VERSION = 1
_Found = tuple[Mapping[str, Any], Sequence[float] | None]
"""A trial's parameters, and its objectives, `None` where it is not complete."""


@dataclass(frozen=True)
class WarmStart:
    """What is known beforehand. ``source`` says in words where from, ``left_out`` counts other trials by why they are no use."""

    source: str
    trials: tuple[Known, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, which `frozen_warm_start` reads back."""
        trials = [{"params": dict(each.params), "values": list(each.values)} for each in self.trials]
        return {"version": _VERSION, "source": self.source, "trials": trials, "left_out": dict(self.left_out)}

    def __str__(self) -> str:
        """Say it in a line."""
        left = ", ".join(f"{count} {why}" for why, count in self.left_out.items())
        return f"{len(self.trials)} trials of {self.source} are known beforehand{f'; left out: {left}' if left else ''}"


def read_warm_start(sweep: Sweep) -> WarmStart | None:
    """Read what the sweep's `search.warm_start` names; `None` where it names nothing.

    Raises `RunError` where it cannot be read, optimises something else, or holds no trial of use.
    """
    if sweep.search is None or sweep.search.warm_start is None:
        return None
    given, objectives = sweep.search.warm_start, sweep.search.objectives
    try:
        if given.run is not None:
            source, found = f"the run {given.run}", list(_of_run(open_run(given.run), objectives))
        else:
            source, found = _of_study(str(given.storage), given.study, objectives)
    except (StorageError, RunError) as error:
        raise RunError(f"search.warm_start: {error}") from None
    sorted_out = _sorted_out(source, found, sweep.search.space, len(objectives))
    if not sorted_out.trials:
        raise RunError(f"search.warm_start: {sorted_out}; expected some in search.space")
    return sorted_out


def frozen_warm_start(payload: bytes) -> WarmStart:
    """Read the frozen file. Raises `ValueError`, `KeyError` or `TypeError` for anything else."""
    plain = json.loads(payload)
    trials = tuple(Known(each["params"], tuple(map(float, each["values"]))) for each in plain["trials"])
    return WarmStart(str(plain["source"]), trials, plain["left_out"])


def _sorted_out(source: str, found: Sequence[_Found], space: Mapping[str, Dimension], objectives: int) -> WarmStart:
    """Keep the trials that are complete, finite and in the space; count the others."""
    kept: list[Known] = []
    left: Counter[str] = Counter()
    for given, values in found:
        params = _in_space(given, space)
        if values is None:
            left["not complete"] += 1
        elif len(values) != objectives or not all(map(math.isfinite, values)):
            left["without a finite value for each objective"] += 1
        elif params is None:
            left["outside the space"] += 1
        else:
            kept.append(Known(params, tuple(map(float, values))))
    return WarmStart(source, tuple(kept), dict(left))


def _in_space(given: Mapping[str, Any], space: Mapping[str, Dimension]) -> dict[str, Any] | None:
    """Return the parameters of the space among ``given``; others do not matter, and a missing or unfitting one gives `None`."""
    try:
        return {key: value_in(dimension, _alike(dimension, given[key])) for key, dimension in space.items()}
    except (KeyError, RefusedError):
        return None


def _alike(dimension: Dimension, value: Any) -> Any:
    """Return a value as the dimension writes it: Optuna holds a list or a mapping as text, and 3 may have become 3.0."""
    if isinstance(dimension, IntRange) and isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(dimension, Choice) and isinstance(value, str) and value not in dimension.values:
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _of_study(storage: str, name: str | None, objectives: Sequence[str]) -> tuple[str, list[_Found]]:
    study = read_study(storage, name)
    shown = f"study {study.study_name} in {without_passwords(storage)}"
    directions = [direction.name.lower() for direction in study.directions]
    if directions != list(directions_of(objectives)):
        wanted = ", ".join(f"{each} {name}" for each, name in zip(directions_of(objectives), objectives, strict=True))
        raise StorageError(f"{shown} does {', '.join(directions)}; expected one to {wanted}")
    return shown, [_of_trial(trial) for trial in study.get_trials(deepcopy=False)]


def _of_trial(trial: FrozenTrial) -> _Found:
    return trial.params, trial.values if trial.state == TrialState.COMPLETE else None


def _of_run(run: Run, objectives: Sequence[str]) -> Iterator[_Found]:
    """Yield a run's trials by their whole recipes, so that what it did not search counts too."""
    theirs = run.sweep.search.objectives if run.sweep.search else ("accuracy",)
    for row in sorted(run.table("trials").to_pylist(), key=lambda row: int(row["trial"])):
        by_name = dict(zip(theirs, row["objectives"] or (), strict=False))
        values = [by_name[name] for name in objectives if name in by_name] if by_name else None
        yield json.loads(row["recipe"]), values

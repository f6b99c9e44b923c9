"""A trial of a run as a trial of an Optuna study.

One that is at work is ``RUNNING``, with the values that its curve has reached; ``complete`` and ``raced_out`` are ``COMPLETE``,
``pruned`` is ``PRUNED``; ``diverged`` and ``failed`` are ``FAIL``, since nothing was measured. Intermediate values are
accuracies: at rungs on validation, else as the curve has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from orchestrator.distributions import Space, distributions
from orchestrator.mirrors.story import Curve, TrialStory
from orchestrator.params import params_row

__all__ = ["TRIAL", "study_distributions", "study_trial"]

TRIAL = "trial"
"""The user attribute with the trial's number in the run."""
_MOST_POINTS = 25  # of a curve: a database takes a millisecond of the processor for each, and has thousands of trials
_STATES = {"complete": TrialState.COMPLETE, "raced_out": TrialState.COMPLETE, "pruned": TrialState.PRUNED}
_TOLD = (
    "status", "cause", "inits", "accuracy_mean", "accuracy_sd", "accuracy_se", "distilled", "outer_steps", "device_seconds",
    "attempts", "error",
)  # fmt: skip


def study_distributions(space: Space) -> dict[str, BaseDistribution]:
    """Return each dimension as a reader of the study shall see it: choices by their values, lists and mappings in JSON."""
    found = distributions(space)
    for name, dimension in space.items():
        if "choice" in dimension:
            choices = [params_row({name: dimension}, {name: choice}) or {} for choice in dimension["choice"]]
            found[name] = CategoricalDistribution([choice[name] for choice in choices])
    return found


def study_trial(trial: TrialStory, space: Mapping[str, BaseDistribution], outer_steps: int) -> FrozenTrial:
    """Return the trial as a study takes it; ``outer_steps``, how many a trial has, says how much its curve is thinned."""
    row = trial.row
    began = trial.began or datetime.now(UTC)
    if row is None:
        return _trial(trial, TrialState.RUNNING, None, began, outer_steps)
    state = _STATES.get(row["status"], TrialState.FAIL)
    values = row["objectives"] if state == TrialState.COMPLETE else None
    found = _trial(trial, state, values, began, outer_steps)
    found.datetime_complete = _local(began + timedelta(seconds=row["seconds"]))
    found.user_attrs |= {name: row[name] for name in _TOLD if row[name] is not None}
    params = {name: value for name, value in (row["params"] or {}).items() if value is not None and name in space}
    found.params, found.distributions = params, {name: space[name] for name in params}
    return found


def _trial(
    trial: TrialStory, state: TrialState, values: list[float] | None, began: datetime, outer_steps: int
) -> FrozenTrial:
    reached = trial.rungs() or _reached(trial.curves, outer_steps)
    return FrozenTrial(
        number=trial.number, trial_id=-1, state=state, value=None, values=values, datetime_start=_local(began),
        datetime_complete=None, params={}, distributions={}, user_attrs={TRIAL: trial.number}, system_attrs={},
        intermediate_values=reached,
    )  # fmt: skip


def _reached(curves: Any, outer_steps: int) -> dict[int, float]:
    """Return accuracies by outer step of the search's own distillation, on validation where any was measured, thinned."""
    own: list[Curve] = [curve for curve in curves if curve.run == 0]
    if not own:
        return {}
    points = list(own[0].points())
    name = "validation" if any("validation" in point.figures for point in points) else "accuracy"
    # Steps are kept by their number, so that a curve that goes on keeps what it had.
    every = 1 if name == "validation" else max(1, -(-outer_steps // _MOST_POINTS))
    return {p.step: p.figures[name] for p in points if name in p.figures and p.step % every == 0}


def _local(moment: datetime) -> datetime:
    """Return a moment as Optuna writes it: in local time, without saying so."""
    return moment.astimezone().replace(tzinfo=None)

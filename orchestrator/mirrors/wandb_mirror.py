"""A run as a group of runs in a Weights & Biases project: one for each distillation that has ended, and one with all accuracies.

Where W&B writes, in ``wandb/`` below the working directory or ``$WANDB_DIR``, a file of ours has the marks of what it was given:
a project that is not reached, as with ``WANDB_MODE=offline``, cannot be asked. Curves are given whole, once they have ended.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import wandb

from orchestrator.mirrors.mirror import MirrorError
from orchestrator.mirrors.sheets import sheets
from orchestrator.mirrors.story import Curve, Measured, Story, TrialStory
from orchestrator.opening import Run
from orchestrator.publish import make_folder
from orchestrator.storage import write_json

__all__ = ["WandbMirror", "open_place"]

_TOLD = ("status", "cause", "inits", "accuracy_mean", "accuracy_sd", "accuracy_se", "distilled", "device_seconds")
_TABLE: list[str | int] = ["trial", "phase", "split", "network", "run", "networks", "accuracy_mean", "accuracy_sd"]
_ACCURACIES = "accuracies"
_ENTITIES = 2  # ENTITY/PROJECT

_Part = tuple[str, str, Callable[[Any], None]]
"""A run of W&B: its name, a mark that changes when there is more to give, and what gives it."""


def open_place(place: str) -> WandbMirror:
    """Open ``PROJECT`` or ``ENTITY/PROJECT``; W&B's own environment variables say where it is, and who asks.

    Raises `MirrorError` for what is neither.
    """
    parts = place.split("/")
    if len(parts) > _ENTITIES or not all(parts):
        raise MirrorError(f"--to wandb:{place}: expected PROJECT or ENTITY/PROJECT")
    return WandbMirror(parts[0] if len(parts) == _ENTITIES else None, parts[-1])


class WandbMirror:
    """Groups in one project, each by the name of its sweep."""

    def __init__(self, entity: str | None, project: str) -> None:
        self._entity, self._project = entity, project

    def take(self, story: Story) -> set[str]:
        """Give what has ended since, and leave its mark once W&B has it."""
        folder = _root() / "wandb"
        marks = folder / f"stillhouse-{self._project}-{story.run.digest[:16]}.json"
        given: dict[str, str] = json.loads(marks.read_bytes()) if marks.exists() else {}
        new = [part for part in _parts(story) if given.get(part[0]) != part[1]]
        for name, mark, give in new:
            self._give(story.run, name, give)
            given[name] = mark
            make_folder(folder)
            write_json(marks, given)
        return {name for name, _, _ in new} - {_ACCURACIES}

    def close(self) -> None:
        """Do nothing: each run of W&B is finished when it has been given."""

    def _give(self, run: Run, name: str, give: Callable[[Any], None]) -> None:
        try:
            with wandb.init(
                entity=self._entity, project=self._project, group=run.sweep.name, name=name, resume="allow", dir=_root(),
                id=f"{run.digest[:16]}-{name}", reinit="finish_previous",
                settings=wandb.Settings(silent=True, console="off", disable_git=True, x_disable_stats=True),
            ) as written:  # fmt: skip
                give(written)
        except wandb.Error as error:
            raise MirrorError(f"--to wandb:{self._project}: {' '.join(str(error).split())}") from error


def _root() -> Path:
    return Path(os.environ.get("WANDB_DIR") or ".")


def _parts(story: Story) -> Iterator[_Part]:
    for trial in story.trials:
        if trial.row is not None:
            yield trial.name, trial.row["status"], partial(_give_trial, run=story.run, trial=trial)
        for curve in trial.curves:
            own = trial.row is not None and curve.run == 0
            if not own and (ended := _end_of(curve, trial)):
                yield f"{trial.name}-run-{curve.run}", ended, partial(_give_curve, curve=curve)
    measured = [(trial, each) for trial in story.trials for each in trial.measured]
    networks = sum(len(each.accuracies) for _, each in measured)
    if networks:
        yield _ACCURACIES, str(networks), partial(_give_accuracies, measured=measured, networks=networks)


def _end_of(curve: Curve, trial: TrialStory) -> str | None:
    """Return the last step of a run of the final that is over: its set is measured, or its loss was no number any more."""
    last = list(curve.points())[-1]
    over = any(each.run == curve.run for each in trial.measured) or "loss" not in last.figures
    return str(last.step) if over else None


def _give_trial(written: Any, run: Run, trial: TrialStory) -> None:
    written.config.update(trial.parameters(), allow_val_change=True)
    for curve in trial.curves:
        if curve.run == 0:
            _give_curve(written, curve)
    pictures = [wandb.Image(sheet, caption=f"step {step}") for step, sheet in sheets(run, trial)]
    if pictures:
        written.log({"distilled": pictures})
    row = trial.row or {}
    written.summary.update({name: row[name] for name in _TOLD if row.get(name) is not None})


def _give_curve(written: Any, curve: Curve) -> None:
    for point in curve.points():
        written.log({curve.name(name): value for name, value in point.figures.items()}, step=point.step)


def _give_accuracies(written: Any, measured: list[tuple[TrialStory, Measured]], networks: int) -> None:
    rows = [
        [trial.name, each.phase, each.split, each.network, each.run, len(each.accuracies), each.mean, _sd(each)]
        for trial, each in measured
    ]
    written.log({_ACCURACIES: wandb.Table(columns=_TABLE, data=rows)}, step=networks)


def _sd(each: Measured) -> float | None:
    return statistics.stdev(each.accuracies) if len(each.accuracies) > 1 else None

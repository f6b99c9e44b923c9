"""A run as event files for TensorBoard: a folder a trial, with its curves, its accuracies, its parameters and its pictures.

``LOGS/NAME/trial-0003/`` holds event files that are published whole and never change. A file's name says how far it goes, so that
the names alone tell what is there. Times are those of the distillation, counted from when the trial began.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard.summary import histogram, hparams

from orchestrator.mirrors.mirror import MirrorError
from orchestrator.mirrors.news import Ended, Grown, Networks, news
from orchestrator.mirrors.sheets import sheets
from orchestrator.mirrors.story import Measured, Story, TrialStory
from orchestrator.opening import Run
from orchestrator.publish import make_folder, publish
from orchestrator.records import Row

__all__ = ["TensorboardMirror", "open_place"]

# TensorBoard reads a folder's files in the order of their names, and never goes back.
_NAME = re.compile(r"events\.out\.tfevents\.\d{6}\.(\w+)-(\w+)")
_HISTOGRAM_FROM = 5  # networks; fewer are told by their mean alone


def open_place(place: str) -> TensorboardMirror:
    """Open a log folder, which is made where it is not there. Raises `MirrorError`."""
    if "://" in place:
        raise MirrorError(f"--to tensorboard:{place}: expected a folder of this machine")
    return TensorboardMirror(Path(place))


class TensorboardMirror:
    """Runs in one log folder."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs

    def take(self, story: Story) -> set[str]:
        """Add a file for whatever is new of a trial."""
        folder = self._logs / story.run.sweep.name
        _claim(folder, story.run)
        return {trial.name for trial in story.trials if _take(folder / trial.name, story, trial)}

    def close(self) -> None:
        """Do nothing: no file stays open."""


def _claim(folder: Path, run: Run) -> None:
    """Leave the sweep's hash in the folder. Raises `MirrorError` where it is that of another sweep."""
    sign = folder / f"sweep-{run.digest[:16]}"
    if not sign.exists():
        if folder.exists():
            raise MirrorError(f"{run.folder}: {folder} has something else in it; name another place with --to")
        make_folder(folder)
        publish(sign, b"")


def _take(folder: Path, story: Story, trial: TrialStory) -> bool:
    names = sorted(path.name for path in folder.glob("events.out.tfevents.*"))
    marks = {named[1]: named[2] for name in names if (named := _NAME.fullmatch(name))}
    moment = trial.began or story.began
    began = moment.timestamp() if moment else 0.0
    found = list(news(trial, marks))
    for number, new in enumerate(found, len(names)):
        make_folder(folder)
        path = folder / f"events.out.tfevents.{number:06}.{new.mark}-{new.reached}"
        publish(path, _written(_told(story, trial, new, began)))
    return bool(found)


def _told(story: Story, trial: TrialStory, new: Grown | Networks | Ended, began: float) -> list[Event]:
    now = began + (trial.row["seconds"] if trial.row else 0.0)
    match new:
        case Grown():
            return list(_curve(new, began))
        case Networks():
            return _accuracies(new.measured, now)
        case Ended():
            return [*_parameters(trial, new.row, now), *_pictures(story, trial, now)]


def _curve(grown: Grown, began: float) -> Iterator[Event]:
    for point in grown.points:
        values = [
            Summary.Value(tag=grown.curve.name(name), simple_value=value) for name, value in point.figures.items()
        ]
        yield Event(wall_time=began + point.seconds, step=point.step, summary=Summary(value=values))


def _accuracies(each: Measured, now: float) -> list[Event]:
    """Return the mean, by how many networks it is of, and all of them."""
    phase, _, rung = each.phase.partition("/")
    count = len(each.accuracies)
    if phase == "rung":
        # The rungs of a trial are one line, by outer step.
        value = Summary.Value(tag=f"accuracy/rung/{each.split}/{each.network}", simple_value=each.mean)
        return [Event(wall_time=now, step=int(rung), summary=Summary(value=[value]))]
    mean = Summary(value=[Summary.Value(tag=each.name, simple_value=each.mean)])
    events = [Event(wall_time=now, step=count, summary=mean)]
    if count >= _HISTOGRAM_FROM:
        spread = histogram(f"{each.name}/networks", np.array(each.accuracies), bins="auto")
        events.append(Event(wall_time=now, step=count, summary=spread))
    return events


def _parameters(trial: TrialStory, row: Row, now: float) -> list[Event]:
    """Return the recipe beside the accuracy that it came to, for the table of hyperparameters."""
    mean = row["accuracy_mean"]
    # What was searched, for all else is the same in every trial.
    chosen = {key: value for key, value in trial.parameters().items() if not row["params"] or key in row["params"]}
    told: Sequence[Summary] = hparams(chosen, {} if mean is None else {"accuracy": mean})
    events = [Event(wall_time=now, summary=each) for each in told]
    if mean is not None:
        value = Summary.Value(tag="accuracy", simple_value=mean)
        events.append(Event(wall_time=now, step=row["inits"], summary=Summary(value=[value])))
    return events


def _pictures(story: Story, trial: TrialStory, now: float) -> Iterator[Event]:
    for step, sheet in sheets(story.run, trial):
        value = Summary.Value(tag=f"distilled/step-{step:03}", image=_image(sheet))
        yield Event(wall_time=now, step=0, summary=Summary(value=[value]))


def _image(sheet: Image.Image) -> Summary.Image:
    file = io.BytesIO()
    sheet.save(file, "png")
    return Summary.Image(height=sheet.height, width=sheet.width, colorspace=3, encoded_image_string=file.getvalue())


def _written(events: Sequence[Event]) -> bytes:
    file = io.BytesIO()
    writer = RecordWriter(file)
    writer.write(Event(wall_time=events[0].wall_time, file_version="brain.Event:2").SerializeToString())
    for event in events:
        writer.write(event.SerializeToString())
    return file.getvalue()

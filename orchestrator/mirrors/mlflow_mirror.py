"""A run as an MLflow experiment: a run of MLflow for each trial, with curves, accuracies, parameters and the distilled set.

Tags of MLflow's run are the marks of how far it has got, and are written with what they speak of. Where a writer dies in between,
the same points come once more, with the same steps and times: a database keeps one of each.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Experiment, Metric, Param, RunTag
from mlflow.entities import Run as MlflowRun
from mlflow.exceptions import MlflowException

from distiller.distilled import DistilledError
from orchestrator.mirrors.mirror import MirrorError
from orchestrator.mirrors.news import Ended, Grown, Networks, news
from orchestrator.mirrors.sheets import sheets
from orchestrator.mirrors.story import Story, TrialStory
from orchestrator.opening import Run
from orchestrator.records import Row
from orchestrator.storage import Storage

__all__ = ["MlflowMirror", "open_place"]

_DIGEST, _TRIAL, _MARK = "stillhouse.digest", "stillhouse.trial", "stillhouse.mark."
_BATCH, _PARAMS = 900, 90  # of the 1,000 metrics and the 100 parameters that MLflow takes at once
_PAGE = 1000
_ENDS = {"complete": "FINISHED", "raced_out": "FINISHED", "pruned": "KILLED"}


def open_place(place: str) -> MlflowMirror:
    """Open a tracking server or a database by its URI. Raises `MirrorError`."""
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    try:
        client = MlflowClient(place)
        client.search_experiments(max_results=1)
    except Exception as error:  # of SQLAlchemy, of requests, of MLflow
        raise MirrorError(f"--to mlflow:{place}: cannot be opened: {' '.join(str(error).split())}") from error
    return MlflowMirror(client)


class MlflowMirror:
    """Experiments in one tracking store, each by the name of its sweep."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client

    def take(self, story: Story) -> set[str]:
        """Log whatever is new of a trial."""
        try:
            experiment = self._experiment(story.run.sweep.name)
            there = {run.data.tags[_TRIAL]: run for run in self._runs(experiment, story.run.digest)}
            return {each.name for each in story.trials if self._take(experiment, there.get(each.name), story, each)}
        except MlflowException as error:
            raise MirrorError(f"{story.run.folder}: MLflow refuses it: {' '.join(str(error).split())}") from error

    def close(self) -> None:
        """Do nothing: the client holds nothing open."""

    def _experiment(self, name: str) -> str:
        found: Experiment | None = self._client.get_experiment_by_name(name)
        return str(self._client.create_experiment(name) if found is None else found.experiment_id)

    def _runs(self, experiment: str, digest: str) -> Iterator[MlflowRun]:
        """Yield the runs of MLflow that are of the sweep with this hash."""
        token = None
        while True:
            page = self._client.search_runs(
                [experiment], f"tags.`{_DIGEST}` = '{digest}'", max_results=_PAGE, page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return

    def _take(self, experiment: str, there: MlflowRun | None, story: Story, trial: TrialStory) -> bool:
        tags = {} if there is None else there.data.tags
        marks = {key.removeprefix(_MARK): value for key, value in tags.items() if key.startswith(_MARK)}
        found = list(news(trial, marks))
        if not found:
            return False
        moment = trial.began or story.began
        began = moment.timestamp() if moment else 0.0
        key = self._begun(experiment, story.run, trial, began) if there is None else there.info.run_id
        for new in found:
            self._log(key, story.run, trial, new, began)
        return True

    def _begun(self, experiment: str, run: Run, trial: TrialStory, began: float) -> str:
        tags = {_DIGEST: run.digest, _TRIAL: trial.name, "stillhouse.folder": str(run.folder)}
        made = self._client.create_run(experiment, _milliseconds(began), tags, trial.name)
        return str(made.info.run_id)

    def _log(self, key: str, run: Run, trial: TrialStory, new: Grown | Networks | Ended, began: float) -> None:
        mark = RunTag(_MARK + new.mark, new.reached)
        now = _milliseconds(began + (trial.row["seconds"] if trial.row else 0.0))
        match new:
            case Grown():
                metrics = _metrics(new, began)
                for first in range(0, len(metrics), _BATCH):
                    self._client.log_batch(key, metrics[first : first + _BATCH])
                self._client.log_batch(key, tags=[mark])
            case Networks():
                count = len(new.measured.accuracies)
                self._client.log_batch(key, [Metric(new.measured.name, new.measured.mean, now, count)], tags=[mark])
            case Ended():
                self._end(key, run, trial, new.row)
                self._client.log_batch(key, _figures(new.row, now), tags=[RunTag("status", new.reached), mark])
                self._client.set_terminated(key, _ENDS.get(new.reached, "FAILED"), now)

    def _end(self, key: str, run: Run, trial: TrialStory, row: Row) -> None:
        """Log the recipe, the set and its pictures."""
        params = [Param(name, str(value)) for name, value in trial.parameters().items()]
        for first in range(0, len(params), _PARAMS):
            self._client.log_batch(key, params=params[first : first + _PARAMS])
        for step, sheet in sheets(run, trial):
            self._client.log_image(key, sheet, artifact_file=f"distilled/step-{step:03}.png")
        if row["distilled"]:
            self._log_set(key, run, row["distilled"])

    def _log_set(self, key: str, run: Run, digest: str) -> None:
        try:
            distilled = Storage(run.folder).read_distilled(digest)
        except (DistilledError, OSError):
            return  # the figures stand without it
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "distilled.safetensors"
            distilled.save(path)
            self._client.log_artifact(key, str(path))


def _metrics(grown: Grown, began: float) -> Sequence[Metric]:
    return [
        Metric(grown.curve.name(name), value, _milliseconds(began + point.seconds), point.step)
        for point in grown.points
        for name, value in point.figures.items()
    ]


def _figures(row: Row, now: int) -> Sequence[Metric]:
    names = ("accuracy_mean", "accuracy_sd", "accuracy_se", "device_seconds")
    return [Metric(name, row[name], now, 0) for name in names if row[name] is not None]


def _milliseconds(seconds: float) -> int:
    return int(1000 * seconds)

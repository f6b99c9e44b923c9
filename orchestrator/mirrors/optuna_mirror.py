"""A run as a study in an Optuna storage, for optuna-dashboard and for whoever asks Optuna.

Trials have the numbers that they have in the run, and the study its sweep's name.
"""

from __future__ import annotations

import warnings

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from orchestrator.mirrors.mirror import MirrorError
from orchestrator.mirrors.story import Story, TrialStory
from orchestrator.mirrors.study_trial import TRIAL, study_distributions, study_trial
from orchestrator.objectives import directions_of, objectives_of
from orchestrator.opening import Run
from orchestrator.params import space_of

__all__ = ["OptunaMirror", "open_place"]

_DIGEST = "stillhouse.digest"


def open_place(place: str) -> OptunaMirror:
    """Open a database by its URL, or a journal file by its path. Raises `MirrorError`."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        return OptunaMirror(RDBStorage(place) if "://" in place else JournalStorage(JournalFileBackend(place)))
    except Exception as error:  # SQLAlchemy and its drivers have many
        raise MirrorError(f"--to optuna:{place}: cannot be opened: {' '.join(str(error).split())}") from error


class OptunaMirror:
    """Studies in one storage."""

    def __init__(self, storage: BaseStorage) -> None:
        self._storage = storage

    def take(self, story: Story) -> set[str]:
        """Add the trials that are new, and finish those that were at work."""
        study = self._study(story.run)
        there = {each.user_attrs.get(TRIAL): each for each in self._storage.get_all_trials(study, deepcopy=False)}
        known = {each.number: each for each in story.trials if each.number >= 0}
        space, steps = study_distributions(space_of(story.run.sweep) or {}), story.run.sweep.recipe.outer_steps
        changed = set()
        # A trial that has no row yet is there too, or the numbers of those after it would be others.
        for number in range(max(known, default=-1) + 1):
            before, now = there.get(number), known.get(number, TrialStory(number))
            if before is not None and before.state.is_finished() and not _superseded(before, now):
                continue
            trial = study_trial(now, space, steps)
            if self._take(study, before, trial):
                changed.add(now.name)
        return changed

    def close(self) -> None:
        """Let go of the connection."""
        self._storage.remove_session()

    def _study(self, run: Run) -> int:
        """Return the id of the run's study, which is made where there is none."""
        name, objectives = run.sweep.name, objectives_of(run.sweep)
        study = optuna.create_study(
            storage=self._storage, study_name=name, directions=list(directions_of(objectives)), load_if_exists=True
        )
        holder = study.user_attrs.get(_DIGEST)
        if holder is None and not study.get_trials(deepcopy=False):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                study.set_metric_names(list(objectives))
            about = {"about": run.sweep.about, _DIGEST: run.digest}
            for key, value in about.items():
                study.set_user_attr(key, value)
        elif holder != run.digest:
            raise MirrorError(f"{run.folder}: the storage has another study by the name {name}; name another with --to")
        return self._storage.get_study_id_from_name(name)

    def _take(self, study: int, before: FrozenTrial | None, trial: FrozenTrial) -> bool:
        if before is None or before.state.is_finished():
            self._storage.create_new_trial(study, template_trial=trial)
            return True
        key = self._storage.get_trial_id_from_study_id_trial_number(study, before.number)
        new = {
            step: value for step, value in trial.intermediate_values.items() if step not in before.intermediate_values
        }
        for step, value in new.items():
            self._storage.set_trial_intermediate_value(key, step, value)
        if trial.state.is_finished():
            self._finish(key, trial)
        return bool(new) or trial.state.is_finished()

    def _finish(self, key: int, trial: FrozenTrial) -> None:
        """Say how a trial ended that was at work: its state last, which commits it."""
        for name, value in trial.params.items():
            distribution = trial.distributions[name]
            self._storage.set_trial_param(key, name, distribution.to_internal_repr(value), distribution)
        for name, said in trial.user_attrs.items():
            self._storage.set_trial_user_attr(key, name, said)
        self._storage.set_trial_state_values(key, trial.state, trial.values)


def _superseded(before: FrozenTrial, now: TrialStory) -> bool:
    """Say whether a trial that had failed has a result since. Optuna changes no finished trial: it comes once more."""
    failed = before.state == TrialState.FAIL
    return failed and now.row is not None and now.row["status"] not in ("failed", "diverged")

"""The figures of a run, as values: what the search found, what fresh networks say of it, what it beats, what it cost.

Everything comes from the run's files, so it is there for a run still going, one without a finished trial and one without a
search. Accuracies are fractions of 1. The search chose its best trial by the very figure that it reports, which is therefore too
high; the honest one is the final's, on networks and examples that the search never saw.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.altered import altered_keys
from orchestrator.cost import Cost, cost_of
from orchestrator.distillation_ratio import Size
from orchestrator.front import front
from orchestrator.headline import Headline, Trial, headline_of, sizes_of, trial_of
from orchestrator.ledger import Ledger
from orchestrator.measurement import Baseline, Measurement, baselines, measurements, phase_parts
from orchestrator.objectives import objectives_of
from orchestrator.place import Place
from orchestrator.plan import best_trials, numbered
from orchestrator.records import Row
from orchestrator.run_files import Event, RunFiles, read_events, read_run
from orchestrator.runner_up import RunnerUp, runner_up, search_rows
from orchestrator.spared import Spared, spared

__all__ = [
    "Cost",
    "Headline",
    "Summary",
    "Trial",
    "attempt_counts",
    "failure_counts",
    "status_counts",
    "summary",
    "to_json",
]


@dataclass(frozen=True)
class Summary:
    """All that a report says of a run; ``trials`` are the finished ones, best first, ``other`` is measured outside
    sweeps, on the test split.

    ``full`` holds networks trained on the whole data, and ``sizes`` the least number of distilled examples with 90, 95 and 99 %
    of their accuracy, among the complete trials and on validation. ``objectives`` names what the search optimised; where there
    are several, ``front`` holds the trials of their Pareto front, the most accurate first. ``budgets`` holds the number of trials
    that each final chose from, ``ended`` beside each the key of the time budget that ended its search before all trials were
    asked, `None` where none did, and ``altered`` the keys in which the sweep is no longer the shipped one of its name.
    """

    name: str
    about: str
    folder: str
    digest: str
    stage: str
    trials_total: int
    budgets: tuple[int, ...]
    ended: tuple[str | None, ...]
    altered: tuple[str, ...]
    statuses: Mapping[str, int]
    failures: Mapping[str, int]
    failed_attempts: Mapping[str, int]
    """Tasks that failed, by class, tried again or not."""
    networks: int
    published: Mapping[str, Any] | None
    attack: Mapping[str, int] | None
    """With an attack as the objective, the ``class`` whose examples count as right where they are taken for the ``target``."""
    headline: Headline | None
    trials: tuple[Trial, ...]
    objectives: tuple[str, ...]
    front: tuple[int, ...]
    finals: tuple[Measurement, ...]
    diverged_runs: tuple[tuple[int, int], ...]
    baselines: tuple[Baseline, ...]
    full: tuple[Measurement, ...]
    sizes: tuple[Size, ...]
    other: tuple[Measurement, ...]
    spared: Spared | None
    cost: Cost


def summary(folder: Place) -> Summary:
    """Return the figures of the run in ``folder``. Raises `RunError` where there is none, `RecordsError` for a damaged table."""
    files, events = read_run(folder), read_events(folder)
    finals = measurements(files.evaluations, ["final"], searched=files.sweep.search is not None)
    number = _last_final(files, finals)
    leader = _leader(files, number)
    own = [
        m for m in finals if leader is not None and (m.phase, m.trial) == (numbered("final", number), leader["trial"])
    ]
    sweep, full = files.sweep, measurements(files.evaluations, ["full"])
    headline = None if leader is None else headline_of(leader, own, numbered("final", number), folder, full)
    if headline is not None:
        headline = dataclasses.replace(headline, runner_up=_runner_up(files, number, headline))
    trials = tuple(trial_of(row, folder) for row in sorted(files.trials, key=_rank))
    return Summary(
        name=sweep.name,
        about=sweep.about,
        folder=str(folder),
        digest=files.sweep.digest(),
        stage=files.stage(),
        trials_total=files.trials_total,
        budgets=tuple(files.finals),
        ended=files.ended,
        altered=altered_keys(sweep),
        statuses=status_counts(files.trials),
        failures=failure_counts(files.trials),
        failed_attempts=attempt_counts(events),
        networks=files.networks,
        published=sweep.published.model_dump() if sweep.published else None,
        attack={"class": attack.class_, "target": attack.target} if (attack := sweep.recipe.attack) else None,
        headline=headline,
        trials=trials,
        objectives=objectives_of(sweep),
        front=tuple(row["trial"] for row in front(files.trials)) if len(objectives_of(sweep)) > 1 else (),
        finals=finals,
        diverged_runs=tuple(sorted(files.diverged_runs)),
        baselines=_baselines(files, number, own, leader),
        full=full,
        sizes=sizes_of(files.trials, trials, headline, full),
        other=tuple(m for m in measurements(files.evaluations, ["extra"]) if m.split == "test"),
        spared=spared(sweep, files.trials),
        cost=cost_of(files, events),
    )


def to_json(summary: Summary) -> dict[str, Any]:
    """Return the figures as plain JSON values; accuracies are fractions, and what is not known or not finite is null.

    The keys are the fields of `Summary` and of its parts, each documented there, after ``version`` (1); later versions may add
    keys. An accuracy is an `Estimate`: ``mean``, ``n``, ``groups``, ``sd_networks``, ``sd_groups``, ``se``.
    """
    return {"version": 1, **{name: _plain(value) for name, value in dataclasses.asdict(summary).items()}}


def status_counts(trials: Sequence[Row]) -> dict[str, int]:
    """Return how many trials ended in each status, the most frequent first."""
    return dict(Counter(row["status"] for row in trials).most_common())


def attempt_counts(events: Sequence[Event]) -> dict[str, int]:
    """Return how many tasks failed by each class, the most frequent first, whether they were tried again or not."""
    kinds = Counter(str(event.about.get("kind")) for event in events if event.name == "attempt")
    return {kind: number for kind, number in kinds.most_common() if kind != "done"}


def failure_counts(trials: Sequence[Row]) -> dict[str, int]:
    """Return how many trials failed by each cause, the most frequent first."""
    return dict(Counter(row["cause"] or "unknown" for row in trials if row["status"] == "failed").most_common())


def _last_final(files: RunFiles, finals: Sequence[Measurement]) -> int:
    """Return the number of the last final that measured anything, of the one to come if none did."""
    return max((phase_parts(measurement.phase)[2] for measurement in finals), default=len(files.finals))


def _leader(files: RunFiles, number: int) -> Row | None:
    """Return the row of the trial that validation chose for a final, out of those that were asked until then."""
    ledger = Ledger(row for row in files.trials if row["trial"] < files.finals[number - 1])
    best = best_trials(ledger, 1)
    return dict(ledger.trials[best[0]]) if best else None


def _runner_up(files: RunFiles, number: int, headline: Headline) -> RunnerUp | None:
    """Compare the winner with who came second: in the final where that measured both, else by the search's own networks."""
    best = best_trials(Ledger(row for row in files.trials if row["trial"] < files.finals[number - 1]), 2)
    if len(best) < 2:
        return None

    def compared(rows: Sequence[Row], phase: str) -> RunnerUp | None:
        return runner_up(rows, phase, best[0], best[1], headline.network, files.sweep.search is not None)

    return compared(files.evaluations, numbered("final", number)) or compared(search_rows(files.folder, best), "search")


def _baselines(files: RunFiles, number: int, own: Sequence[Measurement], leader: Row | None) -> tuple[Baseline, ...]:
    searched = None if leader is None else json.loads(leader["recipe"])["network"]
    published = files.sweep.published.plain()["baselines"] if files.sweep.published else {}
    return baselines(files.evaluations, number, own, searched, published)


def _rank(row: Row) -> tuple[bool, float, int]:
    """Order trials as `best_trials` does, those without a result after those with one."""
    mean = row["accuracy_mean"]
    return row["status"] != "complete", -mean if mean is not None else 0.0, row["trial"]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

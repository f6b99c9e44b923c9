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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from orchestrator.altered import altered_keys
from orchestrator.distilled_table import count_examples
from orchestrator.estimate import Estimate
from orchestrator.full_data import Point, Ratio, Size, ratio, sizes
from orchestrator.ledger import Ledger
from orchestrator.measurement import Baseline, Measurement, baselines, measurements, phase_parts
from orchestrator.plan import best_trials, numbered
from orchestrator.records import Row
from orchestrator.run_files import Event, RunFiles, read_events, read_run

__all__ = ["Cost", "Headline", "Summary", "Trial", "failure_counts", "status_counts", "summary", "to_json"]


@dataclass(frozen=True)
class Trial:
    """A finished trial. ``accuracy`` is on validation, `None` unless networks were trained on its set.

    ``examples`` counts those of its distilled set, `None` where the set is not there.
    """

    trial: int
    status: str
    cause: str | None
    params: Mapping[str, Any] | None
    accuracy: Estimate | None
    outer_steps: int
    seconds: float
    device_seconds: float
    attempts: int
    distilled: str | None
    examples: int | None
    error: str | None


@dataclass(frozen=True)
class Headline:
    """The trial that validation chose, and what it is worth; ``init`` is its recipe's, fixed or random.

    ``validation`` is the search's mean, ``test`` that of fresh networks on the test split (`None` until there are some), and
    ``optimism`` the first minus the second where the network is the same. ``distilled`` holds the paths of the sets behind
    ``test``, within the run's folder, or of the search's own; ``examples`` is how many distilled ones there are. ``ratio`` is
    ``test`` over the accuracy of the same network trained on the whole data, `None` unless the sweep measures that.
    """

    trial: int
    network: str
    init: str
    phase: str
    validation: Estimate
    test: Estimate | None
    optimism: float | None
    accuracy_before: float | None
    runs: tuple[int, ...]
    distilled: tuple[str, ...]
    examples: int | None
    ratio: Ratio | None


@dataclass(frozen=True)
class Cost:
    """Seconds that devices were at work, by what for, and that a driver was: pauses between two drivers do not count.

    ``search`` counts finished trials. ``wall`` is `None` where the run has no event log.
    """

    search: float
    final: float
    baselines: float
    other: float
    wall: float | None

    @property
    def devices(self) -> float:
        """Device seconds in all."""
        return self.search + self.final + self.baselines + self.other


@dataclass(frozen=True)
class Summary:
    """All that a report says of a run; ``trials`` are the finished ones, best first, ``other`` is measured outside
    sweeps, on the test split.

    ``full`` holds networks trained on the whole data, and ``sizes`` the least number of distilled examples with 90, 95 and 99 %
    of their accuracy, among the complete trials and on validation.
    ``budgets`` holds the number of trials that each final chose from, ``altered`` the keys in which the sweep is no longer the
    shipped one of its name.
    """

    name: str
    about: str
    folder: str
    digest: str
    stage: str
    trials_total: int
    budgets: tuple[int, ...]
    altered: tuple[str, ...]
    statuses: Mapping[str, int]
    failures: Mapping[str, int]
    networks: int
    published: Mapping[str, Any] | None
    headline: Headline | None
    trials: tuple[Trial, ...]
    finals: tuple[Measurement, ...]
    diverged_runs: tuple[tuple[int, int], ...]
    baselines: tuple[Baseline, ...]
    full: tuple[Measurement, ...]
    sizes: tuple[Size, ...]
    other: tuple[Measurement, ...]
    cost: Cost


def summary(folder: Path) -> Summary:
    """Return the figures of the run in ``folder``. Raises `RunError` where there is none, `RecordsError` for a damaged table."""
    files = read_run(folder)
    finals = measurements(files.evaluations, ["final"])
    number = _last_final(files, finals)
    leader = _leader(files, number)
    own = [
        m for m in finals if leader is not None and (m.phase, m.trial) == (numbered("final", number), leader["trial"])
    ]
    sweep, full = files.sweep, measurements(files.evaluations, ["full"])
    headline = None if leader is None else _headline(leader, own, numbered("final", number), folder, full)
    trials = tuple(_trial(row, folder) for row in sorted(files.trials, key=_rank))
    return Summary(
        name=sweep.name,
        about=sweep.about,
        folder=str(folder),
        digest=files.sweep.digest(),
        stage=files.stage(),
        trials_total=files.trials_total,
        budgets=tuple(files.finals),
        altered=altered_keys(sweep),
        statuses=status_counts(files.trials),
        failures=failure_counts(files.trials),
        networks=files.networks,
        published=sweep.published.model_dump() if sweep.published else None,
        headline=headline,
        trials=trials,
        finals=finals,
        diverged_runs=tuple(sorted(files.diverged_runs)),
        baselines=_baselines(files, number, own, leader),
        full=full,
        sizes=_sizes(files.trials, trials, headline, full),
        other=tuple(m for m in measurements(files.evaluations, ["extra"]) if m.split == "test"),
        cost=_cost(files, read_events(folder)),
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


def _baselines(files: RunFiles, number: int, own: Sequence[Measurement], leader: Row | None) -> tuple[Baseline, ...]:
    searched = None if leader is None else json.loads(leader["recipe"])["network"]
    published = files.sweep.published.plain()["baselines"] if files.sweep.published else {}
    return baselines(files.evaluations, number, own, searched, published)


def _headline(row: Row, own: Sequence[Measurement], phase: str, folder: Path, full: Sequence[Measurement]) -> Headline:
    recipe = json.loads(row["recipe"])
    searched, init = recipe["network"], recipe["init"]
    measured = next((m for m in own if m.network == searched), own[0] if own else None)
    validation = _validation(row)
    assert validation is not None
    examples = _examples(folder, row)
    if measured is None:
        paths = _paths([row["distilled"]])
        return Headline(row["trial"], searched, init, phase, validation, None, None, None, (), paths, examples, None)
    optimism = validation.mean - measured.accuracy.mean if measured.network == searched else None
    behind = [figures for figures in measured.by_run if figures.run in measured.runs]
    digests = [figures.distilled or (row["distilled"] if figures.run == 0 else None) for figures in behind]
    return Headline(
        trial=row["trial"],
        network=measured.network,
        init=init,
        phase=phase,
        validation=validation,
        test=measured.accuracy,
        optimism=optimism,
        accuracy_before=measured.accuracy_before,
        runs=measured.runs,
        distilled=_paths(digests),
        examples=examples,
        ratio=ratio(measured.accuracy, _accuracy_on_full(full, measured.network)),
    )


def _accuracy_on_full(full: Sequence[Measurement], network: str) -> Estimate | None:
    """Return the accuracy of ``network`` after training on the whole data, of the last final's where there are several."""
    return next((each.accuracy for each in reversed(full) if each.network == network), None)


def _sizes(
    rows: Sequence[Row], trials: Sequence[Trial], headline: Headline | None, full: Sequence[Measurement]
) -> tuple[Size, ...]:
    """Return the distillation sizes over the complete trials that trained the headline's network."""
    if headline is None:
        return ()
    networks = {row["trial"]: json.loads(row["recipe"])["network"] for row in rows}
    points = [
        Point(each.examples, each.accuracy.mean, f"trial {each.trial}")
        for each in trials
        if each.status == "complete" and each.accuracy and each.examples and networks[each.trial] == headline.network
    ]
    return sizes(points, _accuracy_on_full(full, headline.network))


def _examples(folder: Path, row: Row) -> int | None:
    return count_examples(folder / "distilled" / f"{row['distilled']}.parquet") if row["distilled"] else None


def _validation(row: Row) -> Estimate | None:
    if row["accuracy_mean"] is None:
        return None
    return Estimate(row["accuracy_mean"], row["inits"], 1, row["accuracy_sd"], None, row["accuracy_se"])


def _trial(row: Row, folder: Path) -> Trial:
    same = (
        "trial",
        "status",
        "cause",
        "params",
        "outer_steps",
        "seconds",
        "device_seconds",
        "attempts",
        "distilled",
        "error",
    )
    return Trial(accuracy=_validation(row), examples=_examples(folder, row), **{name: row[name] for name in same})


def _rank(row: Row) -> tuple[bool, float, int]:
    """Order trials as `best_trials` does, those without a result after those with one."""
    mean = row["accuracy_mean"]
    return row["status"] != "complete", -mean if mean is not None else 0.0, row["trial"]


def _paths(digests: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(f"distilled/{digest}.parquet" for digest in dict.fromkeys(digests) if digest)


def _cost(files: RunFiles, events: Sequence[Event]) -> Cost:
    seconds: Counter[str] = Counter()
    for row in files.evaluations:
        seconds[phase_parts(row["phase"])[0]] += row["seconds"]
    return Cost(
        search=math.fsum(row["device_seconds"] for row in files.trials),
        final=seconds["final"] + files.run_seconds,
        baselines=seconds["tune"] + seconds["baseline"] + files.baseline_seconds,
        other=seconds["extra"] + seconds["full"],
        wall=_wall(events),
    )


def _wall(events: Sequence[Event]) -> float | None:
    """Return the seconds from event to event, without those in which no driver held the run."""
    gaps = (
        (after.time - before.time).total_seconds()
        for before, after in pairwise(events)
        if after.name != "driver_started"
    )
    return math.fsum(gap for gap in gaps if gap > 0) if events else None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

"""What was measured outside the search: distilled sets on fresh networks, and the baselines beside them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from orchestrator.baseline_plan import NEIGHBOURS
from orchestrator.estimate import Estimate, estimate
from orchestrator.records import Row
from orchestrator.ways import described

__all__ = ["AttackMeans", "Baseline", "Measurement", "RunFigures", "baselines", "measurements", "phase_parts"]

_Key = tuple[Any, ...]


@dataclass(frozen=True)
class AttackMeans:
    """What networks trained for an attack do with real examples of all classes, by their true labels: means over networks.

    ``class_accuracies`` are in the order of classes; ``attack_share`` is the share of the attacked class taken for the target.
    """

    overall_accuracy: float
    class_accuracies: tuple[float, ...]
    attack_share: float


@dataclass(frozen=True)
class RunFigures:
    """One distillation run of a trial: its networks' accuracies, and the digest of its set where the rows name it."""

    run: int
    accuracy: Estimate
    accuracy_before: float | None
    distilled: str | None


@dataclass(frozen=True)
class Measurement:
    """A trial's distilled sets, measured on networks of one kind in one phase and split.

    ``runs`` are those that ``accuracy`` is the mean of: the runs that the final added, for run 0 is what the search chose; where
    there are none, run 0. ``by_run`` has all of them. A group of the estimate is a run.
    """

    phase: str
    trial: int
    network: str
    split: str
    runs: tuple[int, ...]
    accuracy: Estimate
    accuracy_before: float | None
    by_run: tuple[RunFigures, ...]
    attack: AttackMeans | None = None
    way: str | None = None
    """How networks were drawn and trained, in words; `None` for the set's own way."""


@dataclass(frozen=True)
class Baseline:
    """A baseline at its best setting: a rate, or neighbours and a norm, or neither where all is learned.

    A group of the estimate is a draw. ``published`` is what the sweep quotes for it, in per cent.
    ``margin`` is by how much the headline's distilled set beats it on the same kind of network, ``margin_se`` its standard error
    as that of two independent means; both are `None` where either is not known.
    """

    name: str
    phase: str
    network: str
    rate: float | None
    neighbours: int | None
    norm: float | None
    accuracy: Estimate
    accuracy_before: float | None
    margin: float | None
    margin_se: float | None
    published: str | None = None
    attack: AttackMeans | None = None
    way: str | None = None
    """How networks were trained, in words, where that is not by learned rates' own plain descent."""


def measurements(rows: Iterable[Row], kinds: Sequence[str], searched: bool = True) -> tuple[Measurement, ...]:
    """Return what ``rows`` of evaluations hold of the phases of these ``kinds``, such as final, by phase, trial and network.

    Run 0 is what a search chose by, and does not count where there are other runs, unless nothing was ``searched``.
    """
    wanted = [row for row in rows if phase_parts(row["phase"])[0] in kinds]
    return tuple(
        _measurement(phase, trial, network, split, list(group), searched)
        for (phase, trial, network, split), group in _grouped(wanted, "phase", "trial", "network", "split")
    )


def baselines(
    rows: Sequence[Row],
    number: int,
    beaten_by: Sequence[Measurement],
    searched: str | None = None,
    published: Mapping[str, str] | None = None,
) -> tuple[Baseline, ...]:
    """Return the baselines of the ``number``-th final, each with the margin of what of ``beaten_by`` has its network.

    What trains no network is held against the network ``searched``. ``published`` has figures by name.
    """
    margins = {measurement.network: measurement.accuracy for measurement in beaten_by}
    if searched in margins:
        margins[NEIGHBOURS] = margins[searched]
    wanted = [row for row in rows if phase_parts(row["phase"])[::2] == ("baseline", number)]
    found = []
    for (phase, network), group in _grouped(wanted, "phase", "network"):
        members = list(group)
        accuracy = _by(members, "draw")
        assert accuracy is not None
        name = phase_parts(phase)[1]
        rate, neighbours, norm = (members[0].get(column) for column in ("rate", "neighbours", "norm"))
        margin, margin_se = _margin(margins.get(network), accuracy)
        figures = (
            accuracy,
            _before(members),
            margin,
            margin_se,
            (published or {}).get(name),
            _attack(members),
            _way(members[0]),
        )
        found.append(Baseline(name, phase, network, rate, neighbours, norm, *figures))
    return tuple(found)


def phase_parts(phase: str) -> tuple[str, str, int]:
    """Return a phase's kind, its baseline's name if it has one, and the number of its final.

    ``final`` is ("final", "", 1), ``baseline/random_real/2`` is ("baseline", "random_real", 2).
    """
    kind, *rest = phase.split("/")
    number = int(rest.pop()) if rest and rest[-1].isdigit() else 1
    return kind, rest[0] if rest else "", number


def _measurement(phase: str, trial: int, network: str, split: str, rows: list[Row], searched: bool) -> Measurement:
    by_run = tuple(_run_figures(run, list(group)) for (run,), group in _grouped(rows, "run"))
    added = tuple(figures.run for figures in by_run if figures.run > 0 or not searched)
    runs = added or tuple(figures.run for figures in by_run)
    members = [row for row in rows if row["run"] in runs]
    accuracy = _by(members, "run")
    assert accuracy is not None
    return Measurement(
        phase, trial, network, split, runs, accuracy, _before(members), by_run, _attack(members), _way(members[0])
    )


def _run_figures(run: int, rows: list[Row]) -> RunFigures:
    accuracy = _by(rows, "run")
    assert accuracy is not None
    digests = [row["distilled"] for row in rows if row.get("distilled")]
    return RunFigures(run, accuracy, _before(rows), digests[0] if digests else None)


def _by(rows: list[Row], group: str) -> Estimate | None:
    return estimate([{row["seed"]: row["accuracy"] for row in members} for _, members in _grouped(rows, group)])


def _before(rows: list[Row]) -> float | None:
    measured = [row["accuracy_before"] for row in rows if row["accuracy_before"] is not None]
    return _mean(measured) if measured else None


def _way(row: Row) -> str | None:
    columns = (row.get("training"), row.get("init_scheme"))
    return described(*columns) if any(columns) else None


def _attack(rows: list[Row]) -> AttackMeans | None:
    members = [row for row in rows if row.get("attack_share") is not None]
    if not members:
        return None
    by_class = zip(*(row["class_accuracies"] for row in members), strict=True)
    overall, share = (_mean([row[name] for row in members]) for name in ("overall_accuracy", "attack_share"))
    return AttackMeans(overall, tuple(_mean(values) for values in by_class), share)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _margin(distilled: Estimate | None, baseline: Estimate) -> tuple[float | None, float | None]:
    if distilled is None:
        return None, None
    errors = (distilled.se, baseline.se)
    se = None if None in errors else math.hypot(*(error for error in errors if error is not None))
    return distilled.mean - baseline.mean, se


def _grouped(rows: list[Row], *columns: str) -> Iterator[tuple[_Key, Iterable[Row]]]:
    # By initialisation within a group, so that sums do not depend on who came first.
    def key(row: Row) -> _Key:
        return tuple(row[column] for column in columns)

    return groupby(sorted(rows, key=lambda row: (key(row), row["run"], row["draw"], row["init"])), key)

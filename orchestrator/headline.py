"""The trials of a run, and what the one that validation chose is worth on fresh networks and beside the whole data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.distillation_ratio import Point, Ratio, Size, ratio, sizes
from orchestrator.distilled_table import count_examples
from orchestrator.estimate import Estimate
from orchestrator.interval import difference_interval, interval
from orchestrator.measurement import Measurement
from orchestrator.place import Place
from orchestrator.records import Row
from orchestrator.runner_up import RunnerUp

__all__ = ["Headline", "Trial", "headline_of", "sizes_of", "trial_of"]


@dataclass(frozen=True)
class Trial:
    """A finished trial. ``accuracy`` is on validation, `None` unless networks were trained on its set.

    ``objectives`` are what the search was told, in the order of the summary's; ``examples`` counts those of its distilled set,
    `None` where the set is not there.
    """

    trial: int
    status: str
    cause: str | None
    params: Mapping[str, Any] | None
    objectives: Sequence[float] | None
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
    ``test`` over the accuracy of the same network trained on the whole data, `None` unless the sweep measures that, and under an
    attack, whose accuracy is by other labels. ``validation_interval``, ``test_interval`` and ``optimism_interval`` are of 95 %,
    (low, high), by Student's t; the last as that of two independent means. ``runner_up`` is the trial that came second.
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
    validation_interval: tuple[float, float] | None = None
    test_interval: tuple[float, float] | None = None
    optimism_interval: tuple[float, float] | None = None
    runner_up: RunnerUp | None = None


def trial_of(row: Row, folder: Place) -> Trial:
    """Return the trial of a row of trials of the run in ``folder``."""
    same = (
        "trial",
        "status",
        "cause",
        "params",
        "objectives",
        "outer_steps",
        "seconds",
        "device_seconds",
        "attempts",
        "distilled",
        "error",
    )
    return Trial(accuracy=_validation(row), examples=_examples(folder, row), **{name: row[name] for name in same})


def headline_of(
    row: Row, own: Sequence[Measurement], phase: str, folder: Place, full: Sequence[Measurement]
) -> Headline:
    """Return what the trial of ``row`` is worth by its ``own`` measurements in ``phase``, and beside the ``full`` data."""
    recipe = json.loads(row["recipe"])
    searched, init, attacked = recipe["network"], recipe["init"], isinstance(recipe.get("objective"), dict)
    measured = next((m for m in own if m.network == searched), own[0] if own else None)
    validation = _validation(row)
    assert validation is not None
    examples = _examples(folder, row)
    if measured is None:
        nothing = (None, None, None, (), _paths([row["distilled"]]), examples, None)
        return Headline(row["trial"], searched, init, phase, validation, *nothing, interval(validation))
    same = measured.network == searched
    behind = [figures for figures in measured.by_run if figures.run in measured.runs]
    digests = [figures.distilled or (row["distilled"] if figures.run == 0 else None) for figures in behind]
    return Headline(
        trial=row["trial"],
        network=measured.network,
        init=init,
        phase=phase,
        validation=validation,
        test=measured.accuracy,
        optimism=validation.mean - measured.accuracy.mean if same else None,
        accuracy_before=measured.accuracy_before,
        runs=measured.runs,
        distilled=_paths(digests),
        examples=examples,
        ratio=None if attacked else ratio(measured.accuracy, _accuracy_on_full(full, measured.network)),
        validation_interval=interval(validation),
        test_interval=interval(measured.accuracy),
        optimism_interval=difference_interval(validation, measured.accuracy) if same else None,
    )


def sizes_of(
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


def _accuracy_on_full(full: Sequence[Measurement], network: str) -> Estimate | None:
    """Return the accuracy of ``network`` after training on the whole data, of the last final's where there are several."""
    return next((each.accuracy for each in reversed(full) if each.network == network), None)


def _examples(folder: Place, row: Row) -> int | None:
    return count_examples(folder / "distilled" / f"{row['distilled']}.parquet") if row["distilled"] else None


def _validation(row: Row) -> Estimate | None:
    if row["accuracy_mean"] is None:
        return None
    return Estimate(row["accuracy_mean"], row["inits"], 1, row["accuracy_sd"], None, row["accuracy_se"])


def _paths(digests: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(f"distilled/{digest}.parquet" for digest in dict.fromkeys(digests) if digest)

"""What a sweep is doing at one moment, as values that any view can show. Accuracies are fractions of 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Active", "Leader", "Snapshot"]


@dataclass(frozen=True)
class Active:
    """One trial's work in progress: ``done`` of ``total`` outer steps while distilling, else of networks."""

    trial: int
    run: int
    what: str
    done: int
    total: int
    loss: float | None = None
    accuracy: float | None = None


@dataclass(frozen=True)
class Leader:
    """The best finished trial so far: mean validation accuracy, its standard error, and over how many initialisations."""

    trial: int
    mean: float
    se: float | None
    inits: int


@dataclass(frozen=True)
class Snapshot:
    """A sweep at one moment.

    ``stage`` is search, final, baselines or done; ``statuses`` counts finished trials by status, ``failures`` failed ones by
    cause; ``networks`` counts those trained so far; ``busy`` of ``slots`` are at work. ``seconds_left`` is `None` where unknown.
    """

    name: str
    folder: str
    stage: str
    trials_total: int
    statuses: Mapping[str, int]
    networks: int
    best: Leader | None
    active: tuple[Active, ...]
    failures: Mapping[str, int]
    busy: int
    slots: int
    seconds: float
    seconds_left: float | None
    failed_attempts: Mapping[str, int] = field(default_factory=dict)
    """Tasks of this driver that failed, by class, whether they were tried again or not."""

    @property
    def trials_finished(self) -> int:
        """Trials that have a result, good or bad."""
        return sum(self.statuses.values())

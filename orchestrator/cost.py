"""What a run has cost, from its files."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from orchestrator.measurement import phase_parts
from orchestrator.run_files import Event, RunFiles

__all__ = ["Cost", "cost_of"]


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


def cost_of(files: RunFiles, events: Sequence[Event]) -> Cost:
    """Return what the run with these files and events has cost."""
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

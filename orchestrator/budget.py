"""What a search may spend in time, and what it has spent so far, over all drivers that worked on it.

Time on the clock is kept in ``spent.json`` of the run, written every few seconds while the search goes on; device time is summed
from the rows. Once either is spent nothing more is asked, which is frozen with the run, and what was asked is finished.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from orchestrator.clock import Clock
from orchestrator.place import Place
from orchestrator.storage import write_json

if TYPE_CHECKING:
    from sweeps import Search

__all__ = ["Budget", "read_hours", "search_device_seconds"]

_NAME = "spent.json"
_HOUR = 3600.0
_SECONDS_BETWEEN_WORDS = 10.0  # what a driver that is killed has worked for nothing, at most


class Budget:
    """The time of a search. ``end`` is called once, with the number of trials asked and the key that ended the asking.

    With ``has_ended`` that was so in an earlier driver: what it had asked is finished, however much time is spent.
    """

    def __init__(
        self,
        search: Search | None,
        folder: Place,
        clock: Clock,
        device_seconds: float = 0.0,
        end: Callable[[int, str], None] = lambda trials, key: None,
        has_ended: bool = False,
    ) -> None:
        self._hours = search.hours if search else None
        self._device_hours = search.device_hours if search else None
        self._folder, self._clock, self._end, self._has_ended = folder, clock, end, has_ended
        self._seconds = 0.0 if self._hours is None else read_hours(folder) * _HOUR
        self._device_seconds = device_seconds
        self._looked = self._written = clock.now()

    @property
    def is_set(self) -> bool:
        """Whether there is any limit."""
        return self._hours is not None or self._device_hours is not None

    @property
    def spent(self) -> str | None:
        """The key of the sweep whose budget is spent; `None` while there is some left, and where it has ended the search."""
        if self._has_ended:
            return None
        if self._hours is not None and self._seconds >= self._hours * _HOUR:
            return "search.hours"
        if self._device_hours is not None and self._device_seconds >= self._device_hours * _HOUR:
            return "search.device_hours"
        return None

    def spend(self, seconds: float) -> None:
        """Take in device seconds of the search."""
        self._device_seconds += seconds

    def tick(self, searching: bool) -> None:
        """Take in the time since the last call, if that was spent on the search; write it now and then."""
        now = self._clock.now()
        if searching and self._hours is not None:
            self._seconds += now - self._looked
            if now - self._written > _SECONDS_BETWEEN_WORDS:
                self._write(now)
        self._looked = now

    def end(self, trials: int, key: str) -> None:
        """Ask no more: ``trials`` are all there are. Raises `OSError` where that cannot be written."""
        if self._hours is not None:
            self._write(self._clock.now())
        self._end(trials, key)
        self._has_ended = True

    def close(self) -> None:
        """Write what is spent, when a driver leaves."""
        if self._hours is not None:
            self._write(self._clock.now())

    def _write(self, now: float) -> None:
        write_json(self._folder / _NAME, {"version": 1, "hours": self._seconds / _HOUR})
        self._written = now


def search_device_seconds(folder: Place) -> float:
    """Return the device seconds of the search of the run in ``folder``, by its rows: outer steps and trained networks."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from orchestrator.records import read
    from orchestrator.rung_phase import is_rung

    evaluations, curves = (
        read(folder, "evaluations", ["phase", "seconds"]),
        read(folder, "curves", ["trial", "run", "seconds"]),
    )
    phases = [phase for phase in evaluations["phase"].unique().to_pylist() if phase == "search" or is_rung(phase)]
    measured = evaluations.filter(pc.is_in(evaluations["phase"], pa.array(phases, pa.string())))
    steps = curves.filter(pc.and_(pc.greater_equal(curves["trial"], 0), pc.equal(curves["run"], 0)))
    return float(sum(pc.sum(table["seconds"]).as_py() or 0.0 for table in (measured, steps)))


def read_hours(folder: Place) -> float:
    """Return the hours on the clock that the search of the run in ``folder`` has taken; 0 where nothing says so."""
    try:
        return float(json.loads((folder / _NAME).read_bytes())["hours"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return 0.0

"""What of a trial a tool has not heard yet, given the marks that were left there with what it has.

A mark is a short name with how far the tool has got: the last outer step of a curve, how many networks of a kind, the status.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.mirrors.story import Curve, Measured, Point, TrialStory
from orchestrator.records import Row

__all__ = ["Ended", "Grown", "Networks", "news"]


@dataclass(frozen=True)
class Grown:
    """A curve has new points."""

    mark: str
    reached: str
    curve: Curve
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Networks:
    """More networks of a kind are measured; ``measured`` has all of them."""

    mark: str
    reached: str
    measured: Measured


@dataclass(frozen=True)
class Ended:
    """The trial is finished."""

    mark: str
    reached: str
    row: Row


def news(trial: TrialStory, marks: Mapping[str, str]) -> Iterator[Grown | Networks | Ended]:
    """Yield what is new of a trial, its end last."""
    for curve in trial.curves:
        mark = f"curve{curve.run}"
        if points := tuple(curve.points(int(marks.get(mark, -1)))):
            yield Grown(mark, str(points[-1].step), curve, points)
    for measured in trial.measured:
        mark, reached = f"networks{_short(measured.name)}", str(len(measured.accuracies))
        if marks.get(mark) != reached:
            yield Networks(mark, reached, measured)
    if trial.row is not None and marks.get("row") != trial.row["status"]:
        yield Ended("row", trial.row["status"], trial.row)


def _short(name: str) -> str:
    """Return the name by letters and digits alone, as a part of a file's name or of a tag."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]

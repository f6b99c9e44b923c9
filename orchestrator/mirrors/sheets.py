"""The pictures of a trial's distilled set, for tools that show pictures."""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

from distiller.distilled import DistilledError
from distiller.pictures import are_images, sheet
from orchestrator.mirrors.story import TrialStory
from orchestrator.opening import Run
from orchestrator.storage import Storage

__all__ = ["sheets"]

_MOST_STEPS = 5


def sheets(run: Run, trial: TrialStory) -> Iterator[tuple[int, Image.Image]]:
    """Yield the first steps with their sheets; nothing where there is no set, it is not readable, or inputs are no pictures."""
    digest = trial.row and trial.row["distilled"]
    if not digest:
        return
    try:
        distilled = Storage(run.folder).read_distilled(digest)
    except (DistilledError, OSError):
        return
    if are_images(distilled):
        for step in range(min(len(distilled.inputs), _MOST_STEPS)):
            yield step, sheet(distilled, step)

"""The search of a sweep, as its frozen values say it."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.objectives import directions_of
from orchestrator.params import space_of
from orchestrator.search import Known, Search
from sweeps import Sweep

__all__ = ["search_of"]


def search_of(sweep: Sweep, trials: int | None = None, known: Sequence[Known] = ()) -> Search | None:
    """Return the search for up to ``trials`` trials, none asked yet; `None` where nothing is searched.

    ``known`` are the trials of another search that it starts from.
    """
    search, space = sweep.search, space_of(sweep)
    if search is None or space is None:
        return None
    about = (directions_of(search.objectives), search.enqueue, known)
    return Search(space, search.sampler, sweep.seed, search.lag, trials, *about)

"""What a run's search knew before its first trial, in ``warm_start.json`` of its folder: a resume needs no storage any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.opening import RunError
from orchestrator.place import Place
from orchestrator.storage import write_json
from sweeps import Sweep

if TYPE_CHECKING:
    from orchestrator.search import Known
    from orchestrator.warm_start import WarmStart

__all__ = ["WARM_START", "known_trials", "read_source", "write_warm_start"]

WARM_START = "warm_start.json"


def read_source(sweep: Sweep) -> WarmStart | None:
    """Read what the sweep's search starts from; `None` where it starts from nothing. Raises `RunError`."""
    if sweep.search is None or sweep.search.warm_start is None:
        return None
    from orchestrator.warm_start import read_warm_start

    return read_warm_start(sweep)


def write_warm_start(folder: Place, found: WarmStart | None) -> None:
    """Freeze it with the run in ``folder``; nothing where there is nothing."""
    if found is None:
        return
    try:
        write_json(folder / WARM_START, found.plain())
    except OSError as error:
        raise RunError(f"{folder}: cannot be written: {error.strerror}; name another place with --out") from None


def known_trials(folder: Place, sweep: Sweep) -> tuple[Known, ...]:
    """Return what was frozen with the run. Raises `RunError` where that is not there any more."""
    if sweep.search is None or sweep.search.warm_start is None:
        return ()
    from orchestrator.warm_start import frozen_warm_start

    path = folder / WARM_START
    try:
        return frozen_warm_start(path.read_bytes()).trials
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise RunError(f"{path}: damaged ({reason}); put it back from a copy, or run anew") from None

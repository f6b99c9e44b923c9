"""What is frozen of a run in ``sweep.json``: its sweep, how many trials each final chooses from, what a larger budget changes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from orchestrator.opening import VERSION, Run, RunError
from orchestrator.storage import write_json
from sweeps import Sweep
from sweeps.document import parse
from sweeps.error import Place
from sweeps.overrides import override

__all__ = ["extend", "final_has_begun", "freeze", "retried", "with_resources"]


def freeze(run: Run) -> None:
    """Write ``sweep.json`` of the run. Raises `RunError` where it cannot be written."""
    about = {"version": VERSION, "digest": run.sweep.digest(), "sweep": run.sweep.frozen()}
    try:
        write_json(run.folder / "sweep.json", about | {"finals": list(run.finals), "ended": list(run.ended)})
    except OSError as error:
        raise RunError(f"{run.folder}: cannot be written: {error.strerror}; name another place with --out") from None


def extend(opened: Run, trials: int | None, hours: float | None, device_hours: float | None) -> Run:
    """Return the run with a larger budget; a final that has begun stays, and another one is planned where trials come.

    Raises `SweepError` for a smaller budget, `RunError` where the one that ended the search stays spent.
    """
    sweep = opened.sweep.with_budget(trials, hours, device_hours)
    ended = opened.ended[-1]
    if ended is not None and _limit(sweep, ended) == _limit(opened.sweep, ended):
        option = "--" + ended.removeprefix("search.").replace("_", "-")
        raise RunError(f"{opened.folder}: its search was ended by {ended}, which is spent; raise it with {option}")
    wanted = sweep.trials if trials is not None or ended is not None else opened.finals[-1]
    keep = final_has_begun(opened) and wanted != opened.finals[-1]
    before, ends = (opened.finals, opened.ended) if keep else (opened.finals[:-1], opened.ended[:-1])
    return dataclasses.replace(opened, sweep=sweep, finals=(*before, wanted), ended=(*ends, None))


def with_resources(opened: Run, overrides: Sequence[str]) -> Run:
    """Return the run with other resources, each ``resources.KEY=VALUE``: they decide speed alone.

    Raises `RunError` for another key, `SweepError` for a value that is refused, or that is of another kind of device.
    """
    root = parse(json.dumps({"resources": opened.sweep.frozen()["resources"]}), lambda _: Place("sweep.json"))
    for text in overrides:
        if not text.startswith("resources."):
            raise RunError(f"--set {text}: a run that has begun takes other resources alone, such as resources.slots=4")
        root = None if root is None else override(root, text)
    resources = {} if root is None else root.plain()
    return dataclasses.replace(opened, sweep=Sweep.thaw({**opened.sweep.frozen(), **resources}))


def _limit(sweep: Sweep, key: str) -> float | None:
    limit: float | None = getattr(sweep.search, key.removeprefix("search."))
    return limit


def retried(opened: Run) -> Run:
    """Return the run in which failed trials are tried again: a final that has begun stays, and another one is planned."""
    if not final_has_begun(opened):
        return opened
    return dataclasses.replace(
        opened, finals=(*opened.finals, opened.finals[-1]), ended=(*opened.ended, opened.ended[-1])
    )


def final_has_begun(opened: Run) -> bool:
    """Say whether a network of the last final, or of what stands beside it, has been measured."""
    from orchestrator.measurement import phase_parts

    number = len(opened.finals)
    phases = {phase_parts(phase) for phase in set(opened.table("evaluations").column("phase").to_pylist())}
    return any(kind in ("final", "tune", "baseline") and last == number for kind, _, last in phases)

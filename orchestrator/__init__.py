"""How a sweep runs: plan, search, schedule, record, show, report; the command line.

From Python: ``from orchestrator import run, resume, open_run, load``. Nothing heavy is imported before it is used, so that the
command line answers at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.opening import Run, load, open_run
    from orchestrator.runs import resume, run

__all__ = ["Run", "load", "open_run", "resume", "run"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from orchestrator import opening, runs

        return getattr(runs if name in ("run", "resume") else opening, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

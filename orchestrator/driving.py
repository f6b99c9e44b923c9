"""Driving a run from the command line: a view while it works, its report at the end, a status that means something."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from orchestrator.exit_status import DONE, FAILED, INTERRUPTED, stopped_by
from orchestrator.output import open_console, show
from orchestrator.place import Place

if TYPE_CHECKING:
    from orchestrator.opening import Run

__all__ = ["drive", "explain"]


def drive(as_json: bool, folder: Place, work: Callable[[Any], Run]) -> int:
    """Run or resume with a view, then print the report."""
    from orchestrator.progress import open_view

    view = open_view(open_console(), quiet=as_json)
    ended, number = None, int(signal.SIGINT)
    try:
        ended = work(view)
    except KeyboardInterrupt:
        # A second signal, or one before there was anything to stop cleanly.
        if not (folder / "sweep.json").exists():
            return INTERRUPTED
    finally:
        view.close()
    if ended is not None:
        # A signal that came when all was done already has stopped nothing.
        if ended.done or ended.signal is None:
            return _conclude(ended, as_json)
        number = ended.signal
    click.echo(f"stopped; go on with: stillhouse resume {folder}", err=True)
    return stopped_by(number)


def _conclude(ended: Run, as_json: bool) -> int:
    from orchestrator.report import render
    from orchestrator.summary import summary, to_json

    found = summary(ended.folder)
    show(as_json, to_json(found), lambda console: render(found, console))
    failed = ended.unfinished + sum(row["status"] == "failed" for row in ended.table("trials").to_pylist())
    return FAILED if failed else DONE


def explain(error: Exception) -> int:
    """Print an error that we know in one line and return its status; anything else is a defect and keeps its traceback."""
    from orchestrator.complaints import status_of_error

    known = status_of_error(error)
    if known is None:
        raise error
    click.echo(f"stillhouse: {error}", err=True)
    return known

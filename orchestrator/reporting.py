"""Report on runs: tables on the screen, and the page that goes with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from orchestrator.exit_status import DONE, FAILED
from orchestrator.output import print_line, show
from orchestrator.place import Place

__all__ = ["report_curve", "report_run"]


def report_run(folder: Place, html: Path | None, *, wanted: bool, as_json: bool) -> int:
    """Show a run, and write its page to ``html``, or beside its tables where ``wanted``; return the exit status."""
    from orchestrator.page import write_page
    from orchestrator.report import render
    from orchestrator.sentences import headline_set, render_sentences
    from orchestrator.summary import summary, to_json

    found = summary(folder)
    show(as_json, to_json(found), lambda console: render(found, console))
    if not as_json and (distilled := headline_set(folder, found)) is not None:
        show(False, None, lambda console: render_sentences(distilled, console))
    if html is None and not wanted:
        return DONE
    status = _write(lambda: write_page(folder, html, found), as_json)
    # Whoever reads a run of someone else's has its tables, which is what was asked for.
    return status if html is not None else DONE


def report_curve(folders: Sequence[Place], html: Path | None, as_json: bool) -> int:
    """Show several runs by their number of examples, and write that to ``html`` where it is given; return the exit status."""
    from orchestrator.page import write_curve
    from orchestrator.size_curve import render_tasks, size_curve, tasks_plain

    tasks = size_curve(folders)
    show(as_json, tasks_plain(tasks), lambda console: render_tasks(tasks, console))
    return DONE if html is None else _write(lambda: write_curve(tasks, html), as_json)


def _write(write: Callable[[], Place], as_json: bool) -> int:
    try:
        path = write()
    except OSError as error:
        reason = f"{error.strerror or error}; name a place for it by --html FILE, or leave it out by --no-html"
        click.echo(f"stillhouse: the page cannot be written: {reason}", err=True)
        return FAILED
    if not as_json:
        show(False, None, lambda console: print_line(console, f"page: {path}"))
    return DONE

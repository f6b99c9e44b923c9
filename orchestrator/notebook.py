"""A run as HTML for a notebook: its report as text, and the pictures of its best distilled set."""

from __future__ import annotations

import html
import io
from typing import TYPE_CHECKING

from rich.console import Console

from distiller.distilled import DistilledError
from distiller.notebook import distilled_html
from orchestrator.report import render
from orchestrator.summary import summary

if TYPE_CHECKING:
    from orchestrator.opening import Run

__all__ = ["run_html"]

_WIDTH = 110


def run_html(run: Run) -> str:
    """Return the report of a run, at whatever stage it is, and the best set where there is one."""
    from orchestrator.opening import RunError

    console = Console(file=io.StringIO(), width=_WIDTH, record=True, force_jupyter=False, color_system=None)
    render(summary(run.folder), console)
    parts = [f'<pre style="overflow-x: auto">{html.escape(console.export_text())}</pre>']
    try:
        parts.append(distilled_html(run.distilled()))
    except (RunError, DistilledError, OSError) as error:
        parts.append(f"<p>{html.escape(str(error))}</p>")
    return "\n".join(parts)

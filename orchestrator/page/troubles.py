"""What went wrong: how trials ended, failures by cause with an example, distillations that diverged."""

from __future__ import annotations

from orchestrator.page.blocks import Block, Section, Table
from orchestrator.page.findings import Findings

__all__ = ["troubles"]

_WRONG = "What went wrong?"
_ATTEMPTS = "Which tasks failed, and were tried again?"
_LONGEST = 300


def troubles(found: Findings) -> Section | None:
    """Return the section, `None` where no trial has ended and nothing diverged."""
    rows = found.answer(_WRONG)
    lines = [
        f"Run {run} of trial {trial} in the final diverged."
        if trial >= 0
        else f"learned_labels of trial {run} diverged."
        for trial, run in found.summary.diverged_runs
    ]
    if not rows and not lines:
        return None
    cells = [
        (
            row["status"],
            row["cause"] or "-",
            (row["for_example"] or "-")[:_LONGEST],
            f"{row['trials']:,}",
            f"{row['first_trial']:,}",
        )
        for row in rows
    ]
    table = Table(("status", "cause", "for example", "trials", "first trial"), cells, found.source(_WRONG), words=3)
    blocks: list[Block] = [*([table] if cells else []), *_attempts(found)]
    went = [row for row in rows if row["status"] in ("failed", "diverged")]
    if not went and not lines:
        return Section("troubles", "How trials ended", ["No trial failed, and none diverged."], blocks)
    return Section("troubles", "How trials ended", lines, blocks)


def _attempts(found: Findings) -> list[Block]:
    rows = [(row["class"], f"{row['attempts']:,}", f"{row['trials']:,}") for row in found.answer(_ATTEMPTS)]
    if not rows:
        return []
    headers = ("class of failure", "attempts", "trials")
    return [Table(headers, rows, found.source(_ATTEMPTS), title="Failed tasks, tried again where that helps")]

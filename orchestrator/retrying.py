"""Failed trials are tried again: their rows are taken out of the table, so that each trial has one row, whoever reads it."""

from __future__ import annotations

from orchestrator.events import Events
from orchestrator.frozen import freeze, retried
from orchestrator.opening import Run
from orchestrator.records import withdraw

__all__ = ["retry_failed"]


def retry_failed(opened: Run) -> Run:
    """Forget that trials failed, and return the run in which they are to be done; call it under the run's lease.

    What was computed of them is kept. The events say what befell them before. A driver that dies in the middle of this leaves
    trials without a row, which any resume does.
    """
    failed = [row for row in opened.table("trials").to_pylist() if row["status"] == "failed"]
    if not failed:
        return opened
    again = retried(opened)
    freeze(again)
    events = Events(opened.folder)
    for row in withdraw(opened.folder, "trials", lambda row: row["status"] == "failed"):
        about = {name: row[name] for name in ("trial", "cause", "error", "attempts")}
        events.say("trial_retried", **about)
    events.flush()
    return again

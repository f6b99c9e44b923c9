"""The work that a run's rows came from, found again from its frozen sweep and its trials: every job that it has asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.baseline_plan import BESIDES
from orchestrator.extra_plan import extra_jobs_of
from orchestrator.full_plan import full_jobs
from orchestrator.ledger import Ledger
from orchestrator.params import params_of, space_of
from orchestrator.plan import Job, final_jobs, search_job
from orchestrator.records import Row
from sweeps import Sweep

__all__ = ["asked_jobs"]


def asked_jobs(sweep: Sweep, finals: Sequence[int], trials: Sequence[Row], evaluations: Sequence[Row]) -> Iterator[Job]:
    """Yield the jobs of the search, of each final with its baselines, and of what was evaluated besides.

    ``finals`` holds the trial budget of each final: it chose from the trials before that number.
    """
    for row in trials:
        yield search_job(sweep, row["trial"], params_of(space_of(sweep), row["params"]))
    for number, budget in enumerate(finals, 1):
        ledger = Ledger((row for row in trials if row["trial"] < budget), evaluations)
        for jobs in (final_jobs, full_jobs, *BESIDES):
            yield from jobs(sweep, ledger, number)
    yield from extra_jobs_of(sweep, Ledger(trials), evaluations)

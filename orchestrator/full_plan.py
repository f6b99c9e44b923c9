"""Training on all of the real data as work: the reference that a distilled set is held against."""

from __future__ import annotations

from orchestrator.baseline_plan import winners
from orchestrator.ledger import Ledger
from orchestrator.plan import Job, shards_of
from sweeps import Sweep

__all__ = ["full_jobs"]


def full_jobs(sweep: Sweep, ledger: Ledger, number: int) -> list[Job]:
    """Return the work that measures the winner's network, trained on all of its data, on the test split.

    The rows are the same for every final whose winner has that network, whatever its ``number``.
    """
    if sweep.full_data is None:
        return []
    recipes = [sweep.full_data.applied_to(recipe) for _, recipe in winners(sweep, ledger)]
    series = [(-1, "full", 0, 0, "test", recipe.network) for recipe in recipes]
    pairs = zip(recipes, series, strict=True)
    return [Job(-1, 0, each, shards_of(sweep, key, 0, sweep.full_data.inits, "full"), full=True) for each, key in pairs]

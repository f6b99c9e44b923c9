"""What looks and rungs have spared a search: networks and outer steps done, against those of trials that nothing stops."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from distiller.recipe import Recipe
from orchestrator.plan import looks_of, networks_of
from orchestrator.records import Row
from orchestrator.rungs import rungs_below
from sweeps import Sweep

__all__ = ["Spared", "spared"]


@dataclass(frozen=True)
class Spared:
    """Over finished trials that neither failed nor diverged: networks trained on their sets, at rungs too, and outer steps.

    ``all_networks`` and ``all_outer_steps`` are those of the same trials without looks and rungs.
    """

    networks: int
    all_networks: int
    outer_steps: int
    all_outer_steps: int

    def told(self) -> str:
        """Return it in words."""
        networks, steps = (
            f"{done:,} of {whole:,} {what}"
            for done, whole, what in (
                (self.networks, self.all_networks, "networks trained"),
                (self.outer_steps, self.all_outer_steps, "outer steps done"),
            )
        )
        return f"looks and rungs: {networks}, {steps}"


def spared(sweep: Sweep, trials: Iterable[Row]) -> Spared | None:
    """Return what was spared in the finished ``trials`` of a sweep; `None` where it has neither looks nor rungs."""
    if sweep.search is None or not (len(sweep.evaluate.looks) > 1 or sweep.search.rungs):
        return None
    measured = [row for row in trials if row["status"] in ("complete", "raced_out", "pruned")]
    recipes = [Recipe.parse(json.loads(row["recipe"])) for row in measured]
    pairs = list(zip(measured, recipes, strict=True))
    return Spared(
        networks=sum(_networks(sweep, row, recipe) for row, recipe in pairs),
        all_networks=sum(looks_of(sweep, recipe)[-1] for recipe in recipes),
        outer_steps=sum(row["outer_steps"] for row in measured),
        all_outer_steps=sum(recipe.outer_steps for recipe in recipes),
    )


def _networks(sweep: Sweep, row: Row, recipe: Recipe) -> int:
    assert sweep.search is not None
    rungs = [rung for rung in rungs_below(sweep.search.rungs, recipe) if rung <= row["outer_steps"]]
    at_rungs = len(rungs) * networks_of(recipe, sweep.search.rung_inits)
    return at_rungs + (0 if row["status"] == "pruned" else int(row["inits"]))

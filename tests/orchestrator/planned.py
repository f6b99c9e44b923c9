"""Sweeps, trials and rows that tests of a plan start from, without running anything."""

import json

from distiller.recipe import Recipe
from sweeps import Sweep
from tests.orchestrator.tiny_sweep import SWEEP

RECIPE = {"data": "digits", "network": "lenet", "outer_steps": 4}


def sweep(**changes):
    return Sweep.model_validate(SWEEP | changes)


def trial(number, mean, status="complete", **recipe):
    plain = Recipe.parse(RECIPE | recipe).settled().plain()
    recipe, objectives = json.dumps(plain), None if mean is None else [mean]
    return {"trial": number, "status": status, "accuracy_mean": mean, "objectives": objectives, "recipe": recipe}


def covered(jobs):
    """Return the initialisations of every series, in order."""
    found = {}
    for job in jobs:
        for shard in job.shards:
            found.setdefault(shard.series, []).extend(range(shard.first, shard.last))
    return found


def measured(jobs, accuracy):
    """Return rows in which every network of ``jobs`` has that accuracy."""
    names = ("trial", "phase", "run", "draw", "split", "network")
    return [
        dict(zip(names, series, strict=True)) | {"init": init, "accuracy": accuracy, "seconds": 1.0, "distilled": None}
        for series, inits in covered(jobs).items()
        for init in inits
    ]

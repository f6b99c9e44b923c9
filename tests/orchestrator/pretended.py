"""Stand-ins for `orchestrator.tasks` that compute nothing: what they return is a hash of what they were asked for."""

import hashlib
import json

import torch

from distiller.distilled import Distilled

PLACE = {"device": "cpu", "node": "here", "seconds": 1.0}


def fraction(*key):
    """Return a number in 0 .. 1 that the key decides."""
    text = json.dumps(key, sort_keys=True, default=str)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big") / 2**48


def segment(recipe, state, steps, **others):
    begun = 0 if state is None else json.loads(state)["outer_step"]
    reached = min(begun + steps, recipe["outer_steps"])
    values = [fraction(recipe, step) for step in range(reached)]
    finished = reached == recipe["outer_steps"]
    return PLACE | {
        "state": json.dumps({"outer_step": reached, "recipe": recipe}).encode(),
        "outer_step": reached,
        "steps": reached - begun,
        "diverged": None,
        "curve": dict.fromkeys(("loss", "accuracy", "gradient_norm", "seconds"), values),
        "distilled": _distilled(fraction(recipe)).to_bytes() if finished else None,
    }


def _distilled(number):
    rates, labels = torch.tensor([number], dtype=torch.float64), torch.eye(10)[None]
    inputs = torch.full((1, 10, 1, 2, 2), number)
    return Distilled(inputs, labels, rates, 1, 10, mean=(0.0,), std=(1.0,), data="digits", network="lenet")


def _evaluated(seeds, chunks=None, **asked):
    asked = {name: fraction(list(value)) if isinstance(value, bytes) else value for name, value in asked.items()}
    rows = [
        {"seed": seed, "accuracy": fraction(asked, seed), "accuracy_before": None, "loss": fraction(seed, asked)}
        for seed in seeds
    ]
    return PLACE | {"evaluations": rows, "chunk": 8}


TASKS = {
    "segment": segment,
    "evaluate_distilled": _evaluated,
    "evaluate_baseline": _evaluated,
}


def pretend(call):
    """Return what the stand-in of the call's function gives."""
    return TASKS[call.function.partition(":")[2]](**call.arguments)

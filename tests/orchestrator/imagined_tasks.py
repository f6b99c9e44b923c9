"""Tasks that imagine what real ones compute, in no time: pure functions of their arguments, as `orchestrator.tasks` has them.

A set's quality grows with its outer steps towards that of its recipe, a function of ``distill_lr``; accuracies scatter about it
by the network's seed, in part alike for all sets.
"""

import torch

from distiller.distilled import Distilled
from distiller.seeds import derive
from distiller.state import CURVE, State
from orchestrator.executor import Call, InlineExecutor

_PLACE = {"device": "cpu", "node": "imagined", "seconds": 0.001}


class Imagined(InlineExecutor):
    """Runs these tasks in place of the real ones; ``calls`` holds the names of those that were begun."""

    def __init__(self, slots=1):
        super().__init__(slots)
        self.calls = []

    def submit(self, call):
        name = call.function.split(":")[1]
        self.calls.append(name)
        return super().submit(Call(f"tests.orchestrator.imagined_tasks:{name}", call.arguments, call.tag))


def segment(recipe, state, steps, networks=None, snapshot=False):
    done = State.from_bytes(state).outer_step if state else 0
    step = min(done + steps, recipe["outer_steps"])
    curve = {name: torch.arange(step, dtype=torch.float64) for name in CURVE}
    reached = State(step, {"rate": torch.tensor([recipe["distill_lr"]])}, {}, curve)
    whole = step == recipe["outer_steps"] or snapshot
    return {
        "state": reached.to_bytes(),
        "outer_step": step,
        "steps": step - done,
        "diverged": None,
        "curve": {name: values.tolist() for name, values in curve.items()},
        "distilled": _set(recipe["distill_lr"], step / recipe["outer_steps"]).to_bytes() if whole else None,
    } | _PLACE


def evaluate_distilled(recipe, distilled, seeds, split, network, before, networks=None):
    rate, share = Distilled.from_bytes(distilled).rates.tolist()
    quality = (0.9 - 4 * abs(rate - 0.05)) * (0.5 + 0.5 * share)
    evaluations = [
        {
            "accuracy": quality + 0.02 * _scatter(seed) + 0.02 * _scatter(seed, str(rate)),
            "accuracy_before": None,
            "loss": 1.0,
            "seed": seed,
        }
        for seed in seeds
    ]
    return {"evaluations": evaluations, "chunk": len(seeds)} | _PLACE


def _scatter(*key):
    return derive(*key) / 2**63 - 1


def _set(rate, share):
    inputs, labels, rates = (
        torch.zeros(1, 2, 1, 2, 2),
        torch.eye(2)[None],
        torch.tensor([rate, share], dtype=torch.float64),
    )
    return Distilled(inputs, labels, rates, 2, 2, mean=(0.0,), std=(1.0,), data="digits", network="lenet")

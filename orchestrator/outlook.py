"""What a sweep would do, need and cost: counted from its file, and timed on a few steps of a typical trial."""

from __future__ import annotations

import dataclasses
import math
import os
import resource
import sys
import time
from dataclasses import dataclass
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from rich.text import Text

from distiller.data import load
from distiller.distill import advance, distilled_of, start
from distiller.evaluate import evaluate, evaluation_seeds
from distiller.process import settle_process
from distiller.recipe import Recipe
from orchestrator.baseline_plan import amount
from orchestrator.check import check_gpus
from orchestrator.figures import clock, count
from orchestrator.plan import networks_of
from orchestrator.search_amount import SearchAmount, least_amount, most_amount
from orchestrator.training_cost import WholeTraining, full_data_training, pretraining, untrained
from sweeps import Resources, Sweep

__all__ = ["Cost", "Outlook", "outlook", "render"]

_PROBE_SECONDS = 3.0
_PROBE_NETWORKS = 4


@dataclass(frozen=True)
class Cost:
    """What was timed on a typical trial, whose search dimensions are at their middles, on this machine and one slot."""

    params: dict[str, Any]
    seconds_a_step: float
    seconds_a_network: float
    memory: int
    """Peak memory of the whole process in bytes: what one task needs."""


@dataclass(frozen=True)
class Outlook:
    """Counts over the whole sweep, and its cost where that was probed; outer steps of a range are those of a typical trial.

    ``outer_steps`` and ``search_networks`` are those of trials that nothing stops; ``spared`` is what looks of the race and
    rungs can take off both at most.
    """

    name: str
    trials: int
    outer_steps: int
    search_networks: int
    spared: SearchAmount
    final_networks: int
    baseline_networks: int
    slots: int
    workers: int
    """How many slots compute an outer step of a typical trial together."""
    pretraining: WholeTraining
    full_data: WholeTraining
    cost: Cost | None
    hours: float | None = None
    device_hours: float | None = None
    """Budgets of the search in time, which may end it before all its trials are asked."""

    @property
    def seconds(self) -> float | None:
        """Wall-clock seconds with all slots busy; `None` where nothing was probed."""
        if self.cost is None:
            return None
        networks = self.search_networks + self.final_networks + self.baseline_networks
        short = self.outer_steps * self.cost.seconds_a_step + networks * self.cost.seconds_a_network
        return (short + self.pretraining.seconds + self.full_data.seconds) / self.slots

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        return dataclasses.asdict(self) | {"seconds": self.seconds}


def outlook(sweep: Sweep, probe: bool = True) -> Outlook:
    """Count what ``sweep`` does and, with ``probe``, time a few steps of a typical trial in this process.

    Raises `CheckError` where it wants GPUs that this machine does not have: neither its slots nor its time could be told.
    """
    check_gpus(sweep)
    params = {} if sweep.search is None else {key: _middle(each.plain()) for key, each in sweep.search.space.items()}
    recipe = sweep.recipe_for(params)
    trials = sweep.trials
    final = sweep.evaluate.final
    top, final_inits = min(final.top, trials), networks_of(recipe, final.inits)
    most, least = most_amount(sweep, recipe), least_amount(sweep, recipe)
    baselines = amount(sweep, recipe)
    if probe:
        settle_process(recipe)
    return Outlook(
        name=sweep.name,
        trials=trials,
        outer_steps=most.outer_steps + top * final.runs * recipe.outer_steps + baselines.outer_steps,
        search_networks=most.networks,
        spared=SearchAmount(most.outer_steps - least.outer_steps, most.networks - least.networks),
        final_networks=top * (1 + final.runs) * final_inits * len(final.networks or [None]),
        baseline_networks=baselines.tuning + baselines.measured,
        slots=_slots(sweep.resources),
        workers=min(sweep.resources.workers, recipe.chunks_per_step),
        pretraining=pretraining(sweep, recipe, probe),
        full_data=full_data_training(sweep, recipe, probe),
        cost=_probe(untrained(recipe), params) if probe else None,
        hours=sweep.search.hours if sweep.search else None,
        device_hours=sweep.search.device_hours if sweep.search else None,
    )


def render(found: Outlook, console: Console) -> None:
    """Print the outlook as one table."""
    table = Table(title=Text(f"plan of {found.name}"), show_header=False, title_justify="left")
    table.add_row("trials", f"{found.trials}{_limits(found)}")
    table.add_row("outer steps", f"{found.outer_steps:,}")
    table.add_row("networks: search, final, baselines", _counts(found))
    spared = [("outer steps", found.spared.outer_steps), ("networks", found.spared.networks)]
    told = " and ".join(f"{amount:,} {what}" for what, amount in spared if amount)
    if told:
        table.add_row("spared by looks and rungs", f"up to {told}")
    for name, whole in (("pre-trained networks", found.pretraining), ("networks on full data", found.full_data)):
        if whole.networks:
            each = "" if whole.seconds_a_network is None else f", {whole.seconds_a_network:.1f} s each"
            table.add_row(name, f"{whole.networks:,}{each}")
    table.add_row("slots", str(found.slots))
    if found.workers > 1:
        table.add_row("an outer step together", f"{count(found.workers, 'slot')}; the rows are those of one")
    if found.cost is not None:
        typical = ", ".join(
            f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
            for key, value in found.cost.params.items()
        )
        table.add_row("a typical trial", Text(typical or "the recipe itself"))
        table.add_row("an outer step", f"{found.cost.seconds_a_step:.3f} s")
        table.add_row("a network, trained and tested", f"{found.cost.seconds_a_network:.3f} s")
        table.add_row("memory of a task", f"{found.cost.memory / 2**20:,.0f} MiB")
        table.add_row("about", clock(found.seconds or 0.0))
    console.print(table)


def _limits(found: Outlook) -> str:
    limits = [(found.hours, "on the clock"), (found.device_hours, "of devices")]
    told = [f"{hours:g} h {what}" for hours, what in limits if hours is not None]
    return f", fewer where {' or '.join(told)} is spent first" if told else ""


def _counts(found: Outlook) -> str:
    return f"{found.search_networks:,}  {found.final_networks:,}  {found.baseline_networks:,}"


def _slots(resources: Resources) -> int:
    """Return how many tasks run at once on this machine; its GPUs bound also what ``slots`` asks for."""
    by_cpus = resources.slots or max(1, int((os.cpu_count() or 1) / resources.cpus))
    gpus, devices = resources.gpus, torch.cuda.device_count()
    if gpus == 0:
        return by_cpus
    # Above one they are whole; a part of a GPU never spans two, and 1 / 0.1 must not fall short of ten.
    return min(by_cpus, devices * math.floor(1 / gpus + 1e-9) if gpus < 1 else int(devices // gpus))


def _peak_memory() -> int:
    """Return the peak memory of this process in bytes, which macOS counts in bytes and other systems in KiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _probe(recipe: Recipe, params: dict[str, Any]) -> Cost:
    dataset = load(recipe.data, recipe.validation, recipe.real_examples, recipe.text)
    dataset = dataset.to(recipe.device, getattr(torch, recipe.dtype))
    state = advance(recipe, dataset, start(recipe, dataset), 1)  # the first step pays for what is done once
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < _PROBE_SECONDS and state.outer_step < recipe.outer_steps and not state.diverged:
        state = advance(recipe, dataset, state, 1)
        steps += 1
    step_seconds = (time.perf_counter() - began) / steps if steps else state.curve["seconds"].mean().item()
    began = time.perf_counter()
    seeds = evaluation_seeds(recipe, "probe", _PROBE_NETWORKS)
    evaluate(recipe, dataset, distilled_of(recipe, dataset, state), seeds, dataset.validation)
    network_seconds = (time.perf_counter() - began) / len(seeds)
    return Cost(params, step_seconds, network_seconds, _peak_memory())


def _middle(dimension: dict[str, Any]) -> Any:
    """Return the middle of a dimension in plain form; of a choice, the one in the middle."""
    if "choice" in dimension:
        return dimension["choice"][len(dimension["choice"]) // 2]
    kind = "int" if "int" in dimension else "float"
    low, high = dimension[kind]
    middle = math.sqrt(low * high) if dimension.get("log") else (low + high) / 2
    return round(middle) if kind == "int" else middle

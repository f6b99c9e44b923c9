"""Train fresh networks on a distilled set, beside a run's own evaluations or from a file alone."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from distiller.data import load as load_data
from distiller.distilled import Distilled
from distiller.evaluate import evaluate as evaluate_here
from distiller.evaluate import evaluation_seeds
from distiller.recipe import Recipe
from orchestrator.ledger import Ledger
from orchestrator.plan import Job, best_trials, extra_job
from orchestrator.runs import Run, RunError, evaluate_more, load

__all__ = ["Extra", "evaluate", "render"]


@dataclass(frozen=True)
class Extra:
    """The accuracies (0 .. 1) of fresh networks on the test split of ``data``, and what they were trained on."""

    source: str
    data: str
    network: str
    init: str
    accuracies: list[float]

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, with mean and sd; sd is null for one network."""
        return asdict(self) | {"inits": len(self.accuracies), "mean": statistics.fmean(self.accuracies), "sd": self.sd}

    @property
    def sd(self) -> float | None:
        """The standard deviation over networks, with n - 1."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None


def evaluate(
    source: Path,
    *,
    trial: str = "best",
    inits: int = 200,
    network: str | None = None,
    address: str | None = None,
    inline: bool = False,
) -> Extra:
    """Train ``inits`` fresh networks on the distilled set of a run's trial, or of a file, and measure them on the test split.

    A run keeps the figures, in phase ``extra``, and computes only those that it lacks. A file says nothing of initialisation: its
    networks are drawn at random, Xavier normal, seed 1. Raises `RunError` where there is no such trial.
    """
    if source.is_dir():
        return _of_run(source, trial, inits, network, address, inline)
    return _of_file(load(source), str(source), inits, network)


def render(extra: Extra, console: Console) -> None:
    """Print the mean and its spread in one line."""
    spread = f" ± {100 * extra.sd:.2f}" if extra.sd is not None else ""
    console.print(
        f"{100 * statistics.fmean(extra.accuracies):.2f}{spread} % on the test split of {extra.data}: "
        f"{len(extra.accuracies)} {extra.init} initialisations of {extra.network}, trained on {extra.source}",
        highlight=False,
    )


def _of_run(folder: Path, trial: str, inits: int, network: str | None, address: str | None, inline: bool) -> Extra:
    chosen: list[Job] = []

    def jobs(run: Run) -> list[Job]:
        ledger = Ledger(run.table("trials").to_pylist())
        chosen.append(extra_job(run.sweep, ledger, _number(run, ledger, trial), inits, network))
        return chosen

    run = evaluate_more(folder, jobs, address=address, inline=inline)
    (job,) = chosen
    ledger = Ledger(evaluations=run.table("evaluations").to_pylist())
    measured = ledger.accuracies.get(job.shards[0].series, {})
    wanted = [measured[init] for init in range(job.shards[-1].last) if init in measured]
    if not wanted:
        raise RunError(f"{folder}: no network could be evaluated; events.jsonl there says why")
    return Extra(f"trial {job.trial} of {folder}", job.recipe.data, job.shards[0].network, job.recipe.init, wanted)


def _number(run: Run, ledger: Ledger, trial: str) -> int:
    complete = [number for number, row in sorted(ledger.trials.items()) if row["status"] == "complete"]
    best = best_trials(ledger, 1)
    if trial == "best" and best:
        return best[0]
    if trial.isdigit() and int(trial) in complete:
        return int(trial)
    known = ", ".join(map(str, complete[:20])) or "none"
    raise RunError(f"{run.folder}: trial {trial} is not complete; expected best, or one of these: {known}")


def _of_file(distilled: Distilled, source: str, inits: int, network: str | None) -> Extra:
    recipe = Recipe(data=distilled.data, network=network or distilled.network, epochs=distilled.epochs).settled()
    dataset = load_data(recipe.data)
    seeds = evaluation_seeds(recipe, "extra", inits)
    results = evaluate_here(recipe, dataset, distilled, seeds, dataset.test)
    return Extra(source, recipe.data, recipe.network, recipe.init, [result.accuracy for result in results])

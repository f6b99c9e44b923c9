"""Train fresh networks on a distilled set, beside a run's own evaluations or from a file alone."""

from __future__ import annotations

import dataclasses
import functools
import math
import statistics
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from distiller.data import Dataset
from distiller.data import load as load_data
from distiller.distilled import Distilled
from distiller.evaluate import evaluate as evaluate_here
from distiller.evaluate import evaluation_seeds
from distiller.process import settle_process
from distiller.recipe import Recipe
from orchestrator.check import check_gpus, check_recipe
from orchestrator.figures import count
from orchestrator.ledger import Ledger
from orchestrator.opening import Run, RunError, load
from orchestrator.plan import Job, best_trials, extra_job
from orchestrator.pulse import pulse
from orchestrator.runs import evaluate_more

__all__ = ["Extra", "evaluate", "render"]


@dataclass(frozen=True)
class Extra:
    """The accuracies (0 .. 1) of fresh networks on the test split of ``data``, and what they were trained on.

    ``wanted`` networks were asked for; where there are fewer, ``signal`` says what stopped the work, `None` that tasks failed.
    """

    source: str
    data: str
    network: str
    init: str
    accuracies: list[float]
    wanted: int
    signal: int | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, with mean and sd, which are null for too few networks."""
        return asdict(self) | {"inits": len(self.accuracies), "mean": self.mean, "sd": self.sd}

    @property
    def is_whole(self) -> bool:
        """Whether every network that was asked for is measured."""
        return len(self.accuracies) == self.wanted

    @property
    def mean(self) -> float | None:
        """The mean accuracy; `None` for no network."""
        return statistics.fmean(self.accuracies) if self.accuracies else None

    @property
    def sd(self) -> float | None:
        """The standard deviation over networks, with n - 1; `None` for one network."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None


def evaluate(
    source: Path,
    *,
    trial: str | None = None,
    inits: int = 200,
    network: str | None = None,
    address: str | None = None,
    inline: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Extra:
    """Train ``inits`` fresh networks on the distilled set of a run's trial, or of a file, and measure them on the test split.

    A run keeps the figures, in phase ``extra``, and computes only those that it lacks; its ``trial`` is a number, or ``best``,
    as where it is left out. A file says nothing of initialisation: its networks are drawn at random, Xavier normal, seed 1, in
    this process. Raises `RunError` where there is no such trial, and for a file with a ``trial``, an ``address``, or other data
    than those that are here; `CheckError` for a network that does not fit and for absent data, before anything runs. ``say``
    gets a line when training begins, and one now and then.
    """
    if source.is_dir():
        return _of_run(source, trial or "best", inits, network, address, inline, say)
    distilled = load(source)
    for option, given in (("--trial", trial), ("--address", address)):
        if given is not None:
            raise RunError(f"{source}: is a file, which {option} {given} says nothing of; leave it out, or name a run")
    return _of_file(distilled, str(source), inits, network, say)


def render(extra: Extra, console: Console) -> None:
    """Print the mean and its spread in one line, and how many networks they are of."""
    amount = f"{len(extra.accuracies)}{'' if extra.is_whole else f' of {extra.wanted}'} {extra.init} initialisations"
    mean = "nothing" if extra.mean is None else f"{100 * extra.mean:.2f}"
    spread = f" ± {100 * extra.sd:.2f}" if extra.sd is not None else ""
    unit = "" if extra.mean is None else " %"
    about = f"{amount} of {extra.network}, trained on {extra.source}"
    console.print(Text(f"{mean}{spread}{unit} on the test split of {extra.data}: {about}"), soft_wrap=True)


def _of_run(
    folder: Path,
    trial: str,
    inits: int,
    network: str | None,
    address: str | None,
    inline: bool,
    say: Callable[[str], None],
) -> Extra:
    chosen: list[Job] = []

    def jobs(run: Run) -> list[Job]:
        ledger = Ledger(run.table("trials").to_pylist())
        job = extra_job(run.sweep, ledger, _number(run, ledger, trial), inits, network)
        if inline:
            check_gpus(run.sweep)
        check_recipe(_with_network(job.recipe, network))
        chosen.append(job)
        spoken.enter_context(pulse(say, _training(inits, job.shards[0].network, f"trial {job.trial} of {folder}")))
        return chosen

    with ExitStack() as spoken:
        run = evaluate_more(folder, jobs, address=address, inline=inline)
    (job,) = chosen
    ledger = Ledger(evaluations=run.table("evaluations").to_pylist())
    measured, wanted = ledger.accuracies.get(job.shards[0].series, {}), job.shards[-1].last
    accuracies = [measured[init] for init in range(wanted) if init in measured]
    if not accuracies and run.signal is None:
        raise RunError(f"{folder}: no network could be evaluated; events.jsonl there says why")
    about = (job.recipe.data, job.shards[0].network, job.recipe.init)
    return Extra(f"trial {job.trial} of {folder}", *about, accuracies, wanted, run.signal)


def _training(inits: int, network: str, source: str) -> str:
    return f"training {count(inits, 'network')} ({network}) on {source}, less what is measured already"


def _with_network(recipe: Recipe, network: str | None) -> Recipe:
    """Return the recipe with another network, which is computed in its own best way."""
    if network in (None, recipe.network):
        return recipe
    return dataclasses.replace(recipe, network=network or recipe.network, backend="auto", chunk=None)


def _number(run: Run, ledger: Ledger, trial: str) -> int:
    complete = [number for number, row in sorted(ledger.trials.items()) if row["status"] == "complete"]
    best = best_trials(ledger, 1)
    if trial == "best" and best:
        return best[0]
    if trial.isdecimal() and int(trial) in complete:
        return int(trial)
    known = ", ".join(map(str, complete[:20])) or "none"
    if trial != "best" and not trial.isdecimal():
        raise RunError(f"--trial {trial}: is no trial; expected best, or the number of a complete one: {known}")
    raise RunError(f"{run.folder}: trial {trial} is not complete; expected best, or one of these: {known}")


def _of_file(distilled: Distilled, source: str, inits: int, network: str | None, say: Callable[[str], None]) -> Extra:
    recipe = Recipe(data=distilled.data, network=network or distilled.network, epochs=distilled.epochs).settled()
    check_recipe(recipe)
    settle_process(recipe)
    dataset = load_data(recipe.data)
    _check_same_data(distilled, dataset, source)
    seeds = evaluation_seeds(recipe, "extra", inits)
    with pulse(say, f"training {count(inits, 'network')} ({recipe.network}) on {source}"):
        results = evaluate_here(recipe, dataset, distilled, seeds, dataset.test)
    return Extra(source, recipe.data, recipe.network, recipe.init, [result.accuracy for result in results], inits)


def _check_same_data(distilled: Distilled, dataset: Dataset, source: str) -> None:
    """Raise `RunError` where a set was distilled from other data than those of its name that are here.

    Statistics of a user's own data are sums, which may differ in their last digits from machine to machine.
    """
    ours = (dataset.classes, list(dataset.shape), [*dataset.mean, *dataset.std])
    theirs = (distilled.classes, list(distilled.inputs.shape[2:]), [*distilled.mean, *distilled.std])
    near = len(ours[2]) == len(theirs[2]) and all(
        map(functools.partial(math.isclose, rel_tol=1e-6), ours[2], theirs[2])
    )
    if ours[:2] != theirs[:2] or not near:
        raise RunError(
            f"{source}: was distilled from other data than {dataset.name} here: {_say(*theirs)}, and here {_say(*ours)}; "
            "put the data that it was distilled from there"
        )


def _say(classes: int, shape: list[int], statistics: list[float]) -> str:
    half = len(statistics) // 2
    mean, std = (", ".join(f"{value:.6g}" for value in part) for part in (statistics[:half], statistics[half:]))
    return f"{classes} classes, shape {' x '.join(map(str, shape))}, mean {mean}, std {std}"

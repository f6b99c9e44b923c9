"""Train fresh networks on a distilled set, beside a run's own evaluations or from a file alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from distiller.recipe import Recipe
from orchestrator.check import check_gpus, check_recipe
from orchestrator.chosen import chosen_trial
from orchestrator.extra_asked import Asked
from orchestrator.extra_figures import Extra, Measured
from orchestrator.extra_file import evaluate_file
from orchestrator.extra_plan import extra_jobs, extra_tune_jobs, tuned
from orchestrator.ledger import Ledger
from orchestrator.opening import Run, RunError, load
from orchestrator.place import Place
from orchestrator.plan import Job, networks_of, recipe_of
from orchestrator.pulse import pulse
from orchestrator.runs import evaluate_more
from orchestrator.ways import Way

__all__ = ["Asked", "evaluate"]


def evaluate(
    source: Place,
    asked: Asked | None = None,
    *,
    trial: str | None = None,
    address: str | None = None,
    inline: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Extra:
    """Train fresh networks on the distilled set of a run's trial, or of a file, and measure them on the test split.

    A run keeps the figures, in phase ``extra`` or one of its own for each other way, and computes only those that it lacks; its
    ``trial`` is a number, or ``best``, as where it is left out. A file says nothing of initialisation: its networks are drawn at
    random, Xavier normal, seed 1, in this process. A constant rate that is not given is tuned: on the run's validation split, or
    on a sixth of a file's training data. Raises `RunError` where there is no such trial or way, and for a file with a ``trial``,
    an ``address``, or other data than those that are here; `CheckError` for a network that does not fit and for absent data,
    before anything runs. ``say`` gets a line when training begins, and one now and then.
    """
    asked = asked or Asked()
    if source.is_dir():
        return _of_run(source, trial or "best", asked, address, inline, say)
    distilled = load(source)
    for option, given in (("--trial", trial), ("--address", address)):
        if given is not None:
            raise RunError(f"{source}: is a file, which {option} {given} says nothing of; leave it out, or name a run")
    return evaluate_file(distilled, str(source), asked, say)


def _of_run(
    folder: Place, trial: str, asked: Asked, address: str | None, inline: bool, say: Callable[[str], None]
) -> Extra:
    chosen: list[tuple[int, Recipe, list[str], list[Way]]] = []

    def stages(run: Run) -> list[Callable[[Ledger], Sequence[Job]]]:
        ledger = Ledger(run.table("trials").to_pylist())
        number = chosen_trial(folder, ledger, trial)
        recipe = recipe_of(ledger, number, 0)
        networks, ways = list(asked.networks) or [recipe.network], asked.ways(recipe, lambda: run.distilled(number))
        if inline:
            check_gpus(run.sweep)
        for network in networks:
            check_recipe(recipe.with_network(network))
        chosen.append((number, recipe, networks, ways))
        source = f"trial {number} of {folder}"
        spoken.enter_context(pulse(say, f"{asked.said(networks, ways, source)}, less what is measured already"))
        return [
            lambda ledger: extra_tune_jobs(run.sweep, ledger, number, networks, ways),
            lambda ledger: extra_jobs(run.sweep, ledger, number, asked.inits, networks, ways),
        ]

    with ExitStack() as spoken:
        run = evaluate_more(folder, stages, address=address, inline=inline)
    number, recipe, networks, ways = chosen[0]
    ledger = Ledger(run.table("trials").to_pylist(), run.table("evaluations").to_pylist())
    measured = [_measured(run, ledger, number, asked.inits, network, way) for way in ways for network in networks]
    if not any(each.accuracies for each in measured) and run.signal is None:
        raise RunError(f"{folder}: no network could be evaluated; events.jsonl there says why")
    return Extra(f"trial {number} of {folder}", recipe.data, recipe.network, tuple(measured), run.signal)


def _measured(run: Run, ledger: Ledger, number: int, inits: int, network: str, way: Way) -> Measured:
    recipe = way.recipe(recipe_of(ledger, number, 0))
    wanted, found = networks_of(recipe, inits), tuned(run.sweep, ledger, number, network, way)
    accuracies: list[float] = []
    if found is not None:
        rows = ledger.accuracies.get((number, found.phase, 0, 0, "test", network), {})
        accuracies = [rows[init] for init in range(wanted) if init in rows]
    return Measured(network, recipe.init, **(found or way).columns(), accuracies=accuracies, wanted=wanted)

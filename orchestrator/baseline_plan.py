"""A sweep's baselines as work: what tunes them, what judges random sets, what measures each at its best setting.

Like `orchestrator.plan`, pure functions of the frozen sweep and of the rows that are there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from distiller.baselines import Source, is_drawn
from distiller.label_loop import label_training
from distiller.recipe import Recipe
from orchestrator.ledger import Ledger
from orchestrator.plan import Job, Setting, Shard, best_trials, networks_of, numbered, recipe_of, shards_of, unmeasured
from orchestrator.ways import Way
from sweeps import Sweep

__all__ = [
    "BESIDES",
    "NEIGHBOURS",
    "Amount",
    "amount",
    "baseline_jobs",
    "best_setting",
    "judge_jobs",
    "kept_sets",
    "label_jobs",
    "labels_alone",
    "settings",
    "tune_jobs",
    "winners",
]

NEIGHBOURS = "knn"
"""What stands for a network's name where none is trained."""

_SOURCES: dict[str, Source] = {
    "random_real": "random_real",
    "optimised_real": "random_real",
    "k_means": "k_means",
    "average": "average",
    "knn_random_real": "random_real",
    "knn_k_means": "k_means",
}


@dataclass(frozen=True)
class Amount:
    """What all baselines of a sweep take: outer steps of learned labels, and networks in tuning and in all that follows."""

    outer_steps: int
    tuning: int
    measured: int


def settings(sweep: Sweep, name: str) -> list[Setting]:
    """Return what is tried for a baseline in tuning: constant rates, or neighbours and norms; none where all is learned.

    Where labels alone are distilled, it is steps in place of rates.
    """
    tuning = sweep.tuning
    if name == "learned_labels":
        return []
    if _trains_none(name):
        pairs = [(k, p) for k in tuning.neighbours for p in tuning.norms]
        return [Setting(_SOURCES[name], neighbours=k, norm=p) for k, p in pairs]
    if sweep.recipe.method != "unrolled":
        return [Setting(_SOURCES[name], steps=steps) for steps in tuning.steps]
    return [Setting(_SOURCES[name], rate=rate) for rate in tuning.rates]


def label_jobs(sweep: Sweep, ledger: Ledger, number: int) -> list[Job]:
    """Return the distillation of labels and rates alone on real examples that stay as they are, by the winner's recipe.

    Its run is the winner's number, so that another final with the same winner finds it done.
    """
    if "learned_labels" not in sweep.baselines:
        return []
    jobs = []
    for trial, winner in winners(sweep, ledger):
        recipe = labels_alone(winner)
        shards = _measured(sweep, recipe, "learned_labels", number, [0])
        jobs.append(Job(-1, trial, recipe, tuple(dataclasses.replace(shard, run=trial) for shard in shards)))
    return jobs


def labels_alone(recipe: Recipe) -> Recipe:
    """Return the recipe with real inputs that stay as they are; raises `RecipeError` where these do not go with the rest."""
    return dataclasses.replace(recipe, inputs="real", learn_inputs=False, labels="soft")


def tune_jobs(sweep: Sweep, ledger: Ledger, number: int) -> list[Job]:
    """Return the work that tunes each baseline on the validation split: one job a setting, its index standing for the run."""
    return [
        _job(index, recipe, _tuned(sweep, recipe, name, number, index), setting)
        for _, recipe in winners(sweep, ledger)
        for name in _tuned_names(sweep)
        for index, setting in enumerate(settings(sweep, name))
    ]


def judge_jobs(sweep: Sweep, ledger: Ledger, number: int) -> list[Job]:
    """Return the work that judges random sets on training data, for the best of them to be kept; none before they are tuned."""
    if "optimised_real" not in sweep.baselines or not _is_tuned(sweep, ledger, "optimised_real", number):
        return []
    setting = best_setting(sweep, ledger, "optimised_real", number)
    return [_job(0, recipe, _judged(sweep, recipe, number), setting) for _, recipe in winners(sweep, ledger)]


def baseline_jobs(sweep: Sweep, ledger: Ledger, number: int) -> list[Job]:
    """Return the work that measures each baseline at its best setting, on the final's own networks and the test split.

    A baseline whose tuning is not complete is left out: measured at a setting that is not its best it would flatter what it is
    held against. So are the best of random sets until all of them are judged.
    """
    jobs = []
    for _, recipe in winners(sweep, ledger):
        for name in sweep.baselines:
            if settings(sweep, name) and _is_tuned(sweep, ledger, name, number):
                draws = _draws(sweep, ledger, recipe, name, number)
                shards = _measured(sweep, recipe, name, number, draws)
                jobs.append(_job(0, recipe, shards, best_setting(sweep, ledger, name, number)))
    return [job for job in jobs if job.shards]


BESIDES = (label_jobs, tune_jobs, judge_jobs, baseline_jobs)
"""All that baselines take, each kind of it from (sweep, ledger, number of the final), in the order of the work."""


def best_setting(sweep: Sweep, ledger: Ledger, name: str, number: int) -> Setting:
    """Return the setting with the best mean validation accuracy; of equals, the earlier one."""
    tried, phase = settings(sweep, name), _tuning_phase(name, number)
    means = [ledger.mean(phase, run) for run in range(len(tried))]
    return tried[means.index(max(means))]


def kept_sets(sweep: Sweep, ledger: Ledger, recipe: Recipe, number: int) -> list[int]:
    """Return the draws of the best random sets by mean accuracy on training data; of equals, the earlier ones.

    None where not all sets are judged.
    """
    shards = _judged(sweep, recipe, number)
    if not shards or any(ledger.missing(shard.series, shard.first, shard.last) for shard in shards):
        return []
    means = {}
    for series in {shard.series: None for shard in shards}:
        accuracies = ledger.in_order(series)
        means[series[3]] = sum(accuracies) / len(accuracies)
    ranked = sorted(means, key=lambda draw: (-means[draw], draw))
    return sorted(ranked[: sweep.tuning.optimised.keep])


def amount(sweep: Sweep, recipe: Recipe) -> Amount:
    """Count what the baselines of a winner with this recipe take."""
    tuned = (
        shard
        for name in _tuned_names(sweep)
        for index in range(len(settings(sweep, name)))
        for shard in _tuned(sweep, recipe, name, 1, index)
    )
    measured = [
        shard
        for name in sweep.baselines
        for shard in _measured(sweep, recipe, name, 1, _independent(sweep, recipe, name))
    ]
    measured += _judged(sweep, recipe, 1) if "optimised_real" in sweep.baselines else []
    steps = recipe.outer_steps if "learned_labels" in sweep.baselines else 0
    return Amount(steps, _networks(tuned), _networks(measured))


def winners(sweep: Sweep, ledger: Ledger) -> Iterator[tuple[int, Recipe]]:
    """Yield the number and the recipe of the best trial: a baseline has as many examples and steps.

    Nothing where no trial is complete; where nothing is distilled, the sweep's own recipe, as 0.
    """
    if not sweep.distil:
        yield 0, sweep.recipe
    for trial in best_trials(ledger, 1):
        yield trial, recipe_of(ledger, trial, 0)


def _job(run: int, recipe: Recipe, shards: tuple[Shard, ...], setting: Setting) -> Job:
    """Return the work of a baseline's setting; where labels alone are distilled, networks are trained as on these."""
    if setting.steps is not None:
        way = Way(label_training(recipe, setting.steps))
        shards = tuple(dataclasses.replace(shard, way=way) for shard in shards)
    return Job(-1, run, recipe, shards, setting=setting)


def _trains_none(name: str) -> bool:
    return name.startswith(NEIGHBOURS)


def _tuned_names(sweep: Sweep) -> list[str]:
    """Return the baselines that have something to tune; the best of random sets are tuned as random ones are, and once."""
    names = ("random_real" if name == "optimised_real" else name for name in sweep.baselines if settings(sweep, name))
    return list(dict.fromkeys(names))


def _tuning_phase(name: str, number: int) -> str:
    return numbered(f"tune/{'random_real' if name == 'optimised_real' else name}", number)


def _is_tuned(sweep: Sweep, ledger: Ledger, name: str, number: int) -> bool:
    phase = _tuning_phase(name, number)
    jobs = [job for job in tune_jobs(sweep, ledger, number) if job.shards[0].phase == phase]
    return bool(jobs) and not any(unmeasured(job, ledger) for job in jobs)


def _draws(sweep: Sweep, ledger: Ledger, recipe: Recipe, name: str, number: int) -> Sequence[int]:
    return kept_sets(sweep, ledger, recipe, number) if name == "optimised_real" else _independent(sweep, recipe, name)


def _independent(sweep: Sweep, recipe: Recipe, name: str) -> Sequence[int]:
    """Return the draws of a baseline: as many as the sweep says, of the best random sets as many as are kept, else one."""
    if name == "optimised_real":
        return range(sweep.tuning.optimised.keep)
    drawn = name != "learned_labels" and is_drawn(_SOURCES[name], recipe)
    return range(sweep.tuning.draws if drawn else 1)


def _tuned(sweep: Sweep, recipe: Recipe, name: str, number: int, run: int) -> tuple[Shard, ...]:
    draws = _independent(sweep, recipe, name)
    pattern = Shard(
        -1, _tuning_phase(name, number), run, 0, "validation", recipe.network, 0, sweep.evaluate.all_inits, "tune"
    )
    return _dealt_out(sweep, recipe, name, pattern, draws)


def _judged(sweep: Sweep, recipe: Recipe, number: int) -> tuple[Shard, ...]:
    phase, sets = numbered("tune/optimised_real", number), range(sweep.tuning.optimised.sets)
    networks = networks_of(recipe, sweep.tuning.optimised.inits)
    series = [(-1, phase, 0, draw, "train", recipe.network) for draw in sets]
    return tuple(shard for each in series for shard in shards_of(sweep, each, 0, networks, "judge"))


def _measured(sweep: Sweep, recipe: Recipe, name: str, number: int, draws: Sequence[int]) -> tuple[Shard, ...]:
    phase, inits = numbered(f"baseline/{name}", number), sweep.evaluate.final.inits
    pattern = Shard(-1, phase, 0, 0, "test", recipe.network, 0, inits, numbered("final", number))
    return _dealt_out(sweep, recipe, name, pattern, draws)


def _dealt_out(sweep: Sweep, recipe: Recipe, name: str, pattern: Shard, draws: Sequence[int]) -> tuple[Shard, ...]:
    """Return the shards of a baseline's phase, all like ``pattern`` but for their draws and initialisations.

    A random initialisation has as many networks as ``pattern`` says, dealt out over the ``draws``; the few networks of a fixed
    one are trained on every draw; where none is trained, a draw is one row.
    """
    if _trains_none(name):
        alone = dataclasses.replace(pattern, network=NEIGHBOURS, last=1)
        return tuple(dataclasses.replace(alone, draw=draw) for draw in draws)
    fixed, inits = recipe.init == "fixed", networks_of(recipe, pattern.last)
    dealt = draws if fixed else draws[:inits]
    shards: list[Shard] = []
    for place, draw in enumerate(dealt):
        first, last = (0, inits) if fixed else (place * inits // len(dealt), (place + 1) * inits // len(dealt))
        series = dataclasses.replace(pattern, draw=draw).series
        shards.extend(shards_of(sweep, series, first, last, pattern.stream))
    return tuple(shards)


def _networks(shards: Iterable[Shard]) -> int:
    return sum(shard.last - shard.first for shard in shards if shard.network != NEIGHBOURS)

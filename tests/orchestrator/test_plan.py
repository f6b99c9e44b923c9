import json

import pytest

from distiller.recipe import Recipe
from orchestrator.ledger import Ledger
from orchestrator.plan import baseline_jobs, best_rate, best_trials, extra_job, final_jobs, search_job, tune_jobs
from sweeps import Sweep
from tests.orchestrator.tiny_sweep import SWEEP

RECIPE = {"data": "digits", "network": "lenet", "outer_steps": 4}


def sweep(**changes):
    return Sweep.model_validate(SWEEP | changes)


def trial(number, mean, status="complete", **recipe):
    plain = Recipe.parse(RECIPE | recipe).settled().plain()
    return {"trial": number, "status": status, "accuracy_mean": mean, "recipe": json.dumps(plain)}


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


def test_a_trial_is_measured_on_validation_in_shards():
    job = search_job(sweep(), 7, {"steps": 2, "distill_lr": 0.05})
    assert (job.trial, job.run, job.recipe.steps, job.recipe.distill_lr) == (7, 0, 2, 0.05)
    assert [(shard.first, shard.last) for shard in job.shards] == [(0, 3), (3, 4)]
    assert {shard.series for shard in job.shards} == {(7, "search", 0, 0, "validation", "lenet")}


def test_fixed_networks_are_as_many_as_were_distilled_for():
    fixed = sweep(recipe=SWEEP["recipe"] | {"init": "fixed", "inits_per_step": 2})
    assert covered([search_job(fixed, 0, {})]) == {(0, "search", 0, 0, "validation", "lenet"): [0, 1]}
    ledger = Ledger([trial(0, 0.5, init="fixed", inits_per_step=2)])
    assert all(inits == [0, 1] for inits in covered(final_jobs(fixed, ledger, 1)).values())
    ledger.add_evaluations(measured(tune_jobs(fixed, ledger, 1), 0.5))
    assert len(covered(baseline_jobs(fixed, ledger, 1))) == 10  # every draw of real examples


def test_the_best_are_complete_and_the_earlier_of_equals():
    ledger = Ledger([trial(0, 0.5), trial(1, 0.9, "failed"), trial(2, 0.7), trial(3, 0.7), trial(4, None, "diverged")])
    assert best_trials(ledger, 3) == [2, 3, 0]


def test_the_final_has_every_run_and_network_on_fresh_seeds_and_the_test_split():
    final = {"top": 2, "inits": 5, "runs": 1, "networks": ["lenet", "convnet3"]}
    wanted = sweep(evaluate=SWEEP["evaluate"] | {"final": final})
    jobs = final_jobs(wanted, Ledger([trial(0, 0.5), trial(1, 0.9)]), 1)
    assert [(job.trial, job.run, job.recipe.run) for job in jobs] == [(1, 0, 0), (1, 1, 1), (0, 0, 0), (0, 1, 1)]
    series = covered(jobs)
    assert len(series) == 8
    assert all(key[1] == "final" and key[4] == "test" and inits == [0, 1, 2, 3, 4] for key, inits in series.items())
    assert {shard.stream for job in jobs for shard in job.shards} == {"final"}
    # A second final has seeds and rows of its own.
    again = final_jobs(wanted, Ledger([trial(0, 0.5)]), 2)
    assert {(shard.phase, shard.stream) for job in again for shard in job.shards} == {("final/2", "final/2")}


def test_baselines_train_as_many_networks_as_the_final_dealt_out_over_draws():
    wanted = sweep(evaluate=SWEEP["evaluate"] | {"inits": 12, "final": {"inits": 25}})
    ledger = Ledger([trial(0, 0.5, steps=3)])
    tuned = tune_jobs(wanted, ledger, 1)
    assert [(job.run, job.rate) for job in tuned] == list(enumerate(wanted.tuning.rates))
    for job in tuned:
        assert sorted(init for inits in covered([job]).values() for init in inits) == list(range(12))
        assert {(shard.split, shard.stream) for shard in job.shards} == {("validation", "tune")}
    # One rate is not measured whole: a baseline at another rate would flatter what it is held against.
    ledger.add_evaluations(measured(tuned[:-1], 0.5))
    assert baseline_jobs(wanted, ledger, 1) == []
    ledger.add_evaluations(measured(tuned[-1:], 0.6))
    (job,) = baseline_jobs(wanted, ledger, 1)
    assert job.rate == wanted.tuning.rates[-1]
    series = covered([job])
    assert {key[3] for key in series} == set(range(10))
    assert sorted(init for inits in series.values() for init in inits) == list(range(25))
    # The networks of the final, so that the two are paired.
    assert {(shard.split, shard.stream) for shard in job.shards} == {("test", "final")}
    assert job.recipe.steps == 3


def test_a_baselines_rate_is_the_best_on_validation_and_the_smaller_of_equals():
    ledger = Ledger([trial(0, 0.5)])
    accuracies = [0.1, 0.2, 0.6, 0.6, 0.3, 0.1, 0.1, 0.0, 0.0, 0.0]
    for job, accuracy in zip(tune_jobs(sweep(), ledger, 1), accuracies, strict=True):
        ledger.add_evaluations(measured([job], accuracy))
    assert best_rate(sweep(), ledger, "tune/random_real") == 2


def test_nothing_follows_a_search_in_which_no_trial_is_complete():
    ledger = Ledger([trial(0, None, "diverged")])
    assert final_jobs(sweep(), ledger, 1) == tune_jobs(sweep(), ledger, 1) == baseline_jobs(sweep(), ledger, 1) == []


def test_an_extra_evaluation_may_train_another_network():
    job = extra_job(sweep(), Ledger([trial(0, 0.5)]), 0, 4, "convnet3")
    assert covered([job]) == {(0, "extra", 0, 0, "test", "convnet3"): [0, 1, 2, 3]}


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2]])
def test_sums_do_not_depend_on_the_order_of_rows(order):
    accuracies = [0.1, 0.7, 0.3, 1 / 3]
    key = {"trial": 0, "phase": "search", "run": 0, "draw": 0, "split": "validation", "network": "lenet"}
    ledger = Ledger(
        evaluations=[
            key | {"init": init, "accuracy": accuracies[init], "seconds": 1.0, "distilled": None} for init in order
        ]
    )
    series = (0, "search", 0, 0, "validation", "lenet")
    assert ledger.in_order(series) == accuracies
    assert ledger.missing(series, 2, 7) == [4, 5, 6]
    assert ledger.mean("search", 0) == sum(accuracies) / 4

import pytest

from orchestrator.ledger import Ledger
from orchestrator.plan import best_trials, final_jobs, search_job
from tests.orchestrator.planned import covered, sweep, trial
from tests.orchestrator.tiny_sweep import SWEEP


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


def test_nothing_follows_a_search_in_which_no_trial_is_complete():
    ledger = Ledger([trial(0, None, "diverged")])
    assert final_jobs(sweep(), ledger, 1) == []


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

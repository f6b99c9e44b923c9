import pytest

from distiller.training import Training
from orchestrator.extra_plan import extra_jobs, extra_jobs_of, extra_tune_jobs, tuned
from orchestrator.ledger import Ledger
from orchestrator.plan import final_jobs
from orchestrator.ways import OWN_WAY, Way
from tests.orchestrator.planned import covered, measured, sweep, trial

GIVEN = Way(Training(optimiser="sgd", lr=0.5))
OPEN = Way(Training(optimiser="adam", steps=30))
RATES = sweep(tuning={"rates": [0.01, 0.1, 1.0], "draws": 2})


def test_networks_and_ways_are_measured_each_with_each():
    jobs = extra_jobs(sweep(), Ledger([trial(0, 0.5)]), 0, 4, ["lenet", "convnet3"], [OWN_WAY, GIVEN])
    assert covered(jobs) == {
        (0, phase, 0, 0, "test", network): [0, 1, 2, 3]
        for phase in ("extra", GIVEN.phase)
        for network in ("lenet", "convnet3")
    }
    assert {shard.stream for job in jobs for shard in job.shards} == {"extra"}
    assert {shard.way for job in jobs for shard in job.shards if shard.phase == GIVEN.phase} == {GIVEN}


def test_only_rates_that_are_not_given_are_tuned_and_on_validation():
    jobs = extra_tune_jobs(RATES, Ledger([trial(0, 0.5)]), 0, ["lenet"], [OWN_WAY, GIVEN, OPEN])
    assert {(shard.split, shard.stream) for job in jobs for shard in job.shards} == {("validation", "tune")}
    assert [job.shards[0].way.rate for job in jobs] == pytest.approx([0.001, 0.01, 0.1])
    assert {job.shards[0].way.training.steps for job in jobs} == {30}


def test_the_rate_that_is_best_on_validation_is_measured_on_test():
    ledger = Ledger([trial(0, 0.5)])
    jobs = extra_tune_jobs(RATES, ledger, 0, ["lenet", "convnet3"], [OPEN])
    for job, accuracy in zip(jobs, [0.4, 0.6, 0.6, 0.8, 0.7, 0.1], strict=True):
        assert tuned(RATES, ledger, 0, "lenet", OPEN) is None or job.shards[0].network == "convnet3"
        ledger.add_evaluations(measured([job], accuracy))
    # Of equals the smaller one; each network has a rate of its own.
    assert tuned(RATES, ledger, 0, "lenet", OPEN) == OPEN.at(0.1 / 10)
    assert tuned(RATES, ledger, 0, "convnet3", OPEN) == OPEN.at(0.01 / 10)
    (job,) = extra_jobs(RATES, ledger, 0, 2, ["lenet"], [OPEN])
    assert covered([job]) == {(0, OPEN.at(0.1 / 10).phase, 0, 0, "test", "lenet"): [0, 1]}


def test_the_work_is_found_again_from_its_rows():
    ledger = Ledger([trial(0, 0.5)])
    jobs = extra_jobs(RATES, ledger, 0, 4, ["lenet", "convnet3"], [OWN_WAY, GIVEN])
    jobs += extra_tune_jobs(RATES, ledger, 0, ["lenet"], [OPEN])
    rows = [row | shard.way.columns() for job in jobs for shard in job.shards[:1] for row in measured([job], 0.5)]
    assert sorted(map(str, extra_jobs_of(RATES, ledger, rows))) == sorted(map(str, jobs))
    assert extra_jobs_of(RATES, ledger, measured(final_jobs(RATES, ledger, 1), 0.5)) == []


def test_a_way_that_is_not_tuned_yet_is_left_out():
    ledger = Ledger([trial(0, 0.5)])
    assert extra_jobs(RATES, ledger, 0, 2, ["lenet"], [OPEN]) == []
    assert len(extra_jobs(RATES, ledger, 0, 2, ["lenet"], [OPEN, OWN_WAY])) == 1


def test_a_set_for_fixed_networks_is_measured_on_fresh_ones_by_a_scheme():
    ledger = Ledger([trial(0, 0.5, init="fixed", inits_per_step=2)])
    own, fresh = extra_jobs(sweep(), ledger, 0, 5, ["lenet"], [OWN_WAY, Way(init_scheme="xavier_normal")])
    assert list(covered([own]).values()) == [[0, 1]]
    assert list(covered([fresh]).values()) == [[0, 1, 2, 3, 4]]

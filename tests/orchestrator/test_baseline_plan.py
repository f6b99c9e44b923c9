import pytest

from orchestrator.baseline_plan import (
    amount,
    baseline_jobs,
    best_setting,
    judge_jobs,
    kept_sets,
    label_jobs,
    settings,
    tune_jobs,
)  # fmt: skip
from orchestrator.ledger import Ledger
from sweeps import BASELINES
from tests.orchestrator.planned import RECIPE, covered, measured, sweep, trial
from tests.orchestrator.tiny_sweep import SWEEP

SMALL = {"rates": [0.01, 0.1], "neighbours": [1, 3], "norms": [2], "draws": 4}
OPTIMISED = SMALL | {"optimised": {"sets": 6, "keep": 2, "inits": 3}}


def with_baselines(*names, **changes):
    return sweep(**{"baselines": list(names), "tuning": OPTIMISED} | changes)


def draws_of(jobs):
    return sorted({series[3] for series in covered(jobs)})


def test_they_train_as_many_networks_as_the_final_dealt_out_over_draws():
    wanted = sweep(evaluate=SWEEP["evaluate"] | {"inits": 12, "final": {"inits": 25}})
    ledger = Ledger([trial(0, 0.5, steps=3)])
    tuned = tune_jobs(wanted, ledger, 1)
    assert [(job.run, job.setting.rate) for job in tuned] == list(enumerate(wanted.tuning.rates))
    for job in tuned:
        assert sorted(init for inits in covered([job]).values() for init in inits) == list(range(12))
        assert {(shard.split, shard.stream) for shard in job.shards} == {("validation", "tune")}
    # One rate is not measured whole: a baseline at another rate would flatter what it is held against.
    ledger.add_evaluations(measured(tuned[:-1], 0.5))
    assert baseline_jobs(wanted, ledger, 1) == []
    ledger.add_evaluations(measured(tuned[-1:], 0.6))
    (job,) = baseline_jobs(wanted, ledger, 1)
    assert job.setting.rate == wanted.tuning.rates[-1]
    series = covered([job])
    assert {key[3] for key in series} == set(range(10))
    assert sorted(init for inits in series.values() for init in inits) == list(range(25))
    # The networks of the final, so that the two are paired.
    assert {(shard.split, shard.stream) for shard in job.shards} == {("test", "final")}
    assert job.recipe.steps == 3


def test_fixed_networks_are_trained_on_every_draw():
    fixed = sweep(recipe=SWEEP["recipe"] | {"init": "fixed", "inits_per_step": 2})
    ledger = Ledger([trial(0, 0.5, init="fixed", inits_per_step=2)])
    ledger.add_evaluations(measured(tune_jobs(fixed, ledger, 1), 0.5))
    found = covered(baseline_jobs(fixed, ledger, 1))
    assert len(found) == 10
    assert all(inits == [0, 1] for inits in found.values())


def test_the_setting_is_the_best_on_validation_and_the_earlier_of_equals():
    ledger = Ledger([trial(0, 0.5)])
    accuracies = [0.1, 0.2, 0.6, 0.6, 0.3, 0.1, 0.1, 0.0, 0.0, 0.0]
    for job, accuracy in zip(tune_jobs(sweep(), ledger, 1), accuracies, strict=True):
        ledger.add_evaluations(measured([job], accuracy))
    assert best_setting(sweep(), ledger, "random_real", 1) == settings(sweep(), "random_real")[2]


def test_neighbours_and_norm_are_tuned_with_a_row_a_draw():
    wanted, ledger = with_baselines("knn_k_means"), Ledger([trial(0, 0.5, steps=2)])
    jobs = tune_jobs(wanted, ledger, 1)
    assert [(job.setting.source, job.setting.neighbours, job.setting.norm) for job in jobs] == [
        ("k_means", 1, 2.0),
        ("k_means", 3, 2.0),
    ]
    assert covered(jobs[:1]) == {
        (
            -1,
            "tune/knn_k_means",
            0,
            draw,
            "validation",
            "knn",
        ): [0]
        for draw in range(4)
    }
    ledger.add_evaluations(measured(jobs[:1], 0.3) + measured(jobs[1:], 0.4))
    (job,) = baseline_jobs(wanted, ledger, 1)
    assert job.setting.neighbours == 3
    assert covered([job]) == {(-1, "baseline/knn_k_means", 0, draw, "test", "knn"): [0] for draw in range(4)}


@pytest.mark.parametrize(("name", "steps", "draws"), [("average", 5, 1), ("k_means", 1, 1), ("k_means", 2, 4)])
def test_what_is_not_drawn_is_not_drawn_again(name, steps, draws):
    wanted, ledger = with_baselines(name), Ledger([trial(0, 0.5, steps=steps)])
    tuned = tune_jobs(wanted, ledger, 1)
    ledger.add_evaluations(measured(tuned, 0.5))
    assert draws_of(tuned) == draws_of(baseline_jobs(wanted, ledger, 1)) == list(range(draws))
    # No network is lost by it.
    assert all(sum(map(len, covered([job]).values())) == 4 for job in tuned)


def test_the_best_of_random_sets_are_judged_at_the_rate_of_random_ones_and_then_measured():
    wanted, ledger = with_baselines("optimised_real", "random_real"), Ledger([trial(0, 0.5)])
    tuned = tune_jobs(wanted, ledger, 1)
    # Tuned once for both.
    assert {shard.phase for job in tuned for shard in job.shards} == {"tune/random_real"}
    assert len(tuned) == 2
    assert judge_jobs(wanted, ledger, 1) == []
    ledger.add_evaluations(measured(tuned[:1], 0.7) + measured(tuned[1:], 0.5))
    (judge,) = judge_jobs(wanted, ledger, 1)
    assert judge.setting == settings(wanted, "random_real")[0]
    series = covered([judge])
    assert series == {(-1, "tune/optimised_real", 0, draw, "train", "lenet"): [0, 1, 2] for draw in range(6)}
    assert {shard.stream for shard in judge.shards} == {"judge"}
    assert [job.shards[0].phase for job in baseline_jobs(wanted, ledger, 1)] == ["baseline/random_real"]
    rows = measured([judge], 0.5)
    for row in rows:
        row["accuracy"] = [0.1, 0.9, 0.3, 0.2, 0.9, 0.4][row["draw"]]
    ledger.add_evaluations(rows[:-1])
    assert kept_sets(wanted, ledger, judge.recipe, 1) == []
    assert len(baseline_jobs(wanted, ledger, 1)) == 1
    ledger.add_evaluations(rows[-1:])
    optimised, _ = baseline_jobs(wanted, ledger, 1)
    assert draws_of([optimised]) == [1, 4]
    assert covered([optimised]) == {
        (-1, "baseline/optimised_real", 0, 1, "test", "lenet"): [0, 1],
        (-1, "baseline/optimised_real", 0, 4, "test", "lenet"): [2, 3, 4],
    }


def test_learned_labels_are_distilled_by_the_winners_recipe_on_real_inputs():
    wanted = with_baselines("learned_labels")
    ledger = Ledger([trial(0, 0.5), trial(1, 0.7, steps=3, labels="hard", epochs=2)])
    assert tune_jobs(wanted, ledger, 1) == baseline_jobs(wanted, ledger, 1) == []
    (job,) = label_jobs(wanted, ledger, 1)
    recipe = job.recipe
    assert (recipe.inputs, recipe.learn_inputs, recipe.labels, recipe.steps, recipe.epochs) == (
        "real",
        False,
        "soft",
        3,
        2,
    )
    assert job.distils
    # The winner's number stands for the run: another final with the same winner finds the set.
    assert covered([job]) == {(-1, "baseline/learned_labels", 1, 0, "test", "lenet"): [0, 1, 2, 3, 4]}
    assert {shard.stream for shard in job.shards} == {"final"}
    (again,) = label_jobs(wanted, ledger, 2)
    assert (again.trial, again.run, again.recipe) == (job.trial, job.run, job.recipe)
    assert {shard.stream for shard in again.shards} == {"final/2"}


def test_nothing_follows_a_search_in_which_no_trial_is_complete():
    wanted, ledger = with_baselines(*BASELINES), Ledger([trial(0, None, "diverged")])
    for jobs in (tune_jobs, judge_jobs, label_jobs, baseline_jobs):
        assert jobs(wanted, ledger, 1) == []


def test_where_nothing_is_distilled_they_are_those_of_the_recipe_itself():
    wanted = with_baselines(*BASELINES, distil=False, search=None, recipe=RECIPE | {"steps": 2})
    assert wanted.trials == 0
    jobs = tune_jobs(wanted, Ledger(), 1) + label_jobs(wanted, Ledger(), 1)
    assert {job.recipe.steps for job in jobs} == {2}
    assert len(jobs) == 3 * 2 + 2 * 2 + 1


def test_every_baseline_is_counted_as_it_is_planned():
    wanted, ledger = with_baselines(*BASELINES), Ledger([trial(0, 0.5, steps=2)])
    counted = amount(wanted, ledger.recipe(0))
    tuned = tune_jobs(wanted, ledger, 1)
    ledger.add_evaluations(measured(tuned, 0.5))
    judged = judge_jobs(wanted, ledger, 1)
    ledger.add_evaluations(measured(judged, 0.5))
    rest = judged + baseline_jobs(wanted, ledger, 1) + label_jobs(wanted, ledger, 1)

    def networks(jobs):
        return sum(len(inits) for series, inits in covered(jobs).items() if series[5] != "knn")

    assert (counted.tuning, counted.measured) == (networks(tuned), networks(rest)) == (3 * 2 * 4, 6 * 3 + 5 * 5)
    assert counted.outer_steps == 4
    assert {shard.phase for job in rest for shard in job.shards} == {
        "tune/optimised_real",
        *(f"baseline/{name}" for name in BASELINES),
    }

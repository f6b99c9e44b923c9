"""Asynchronous successive halving at rungs, by values of trials up to n - lag."""

import json
import math

from distiller.recipe import Recipe
from orchestrator.ledger import Ledger
from orchestrator.rungs import Rungs, rung_values, rungs_below
from tests.orchestrator.planned import trial


def ledger(values, rung=2, **statuses):
    """Return a ledger in which trial n has the n-th of ``values`` at ``rung``, none where it is `None`."""
    key = {"phase": f"rung/{rung}", "run": 0, "draw": 0, "split": "validation", "network": "lenet"}
    rows = [
        key | {"trial": n, "init": init, "accuracy": value + offset, "seconds": 1.0, "distilled": "of the rung"}
        for n, value in enumerate(values)
        if value is not None
        for init, offset in enumerate((-0.01, 0.01))
    ]
    return Ledger([trial(n, 0.5, statuses.get(f"t{n}", "pruned")) for n in range(len(values))], rows)


def least(values, number, reduction=3, lag=1, **statuses):
    return Rungs([2], reduction, lag, ledger(values, **statuses)).least(number)[2]


def test_a_trial_goes_on_unless_a_third_of_all_values_is_better():
    values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    # Of nine values, its own with them, three have to be better to stop it.
    assert least(values, 8) == 0.6
    # Of eight, it is three again, for two are less than a third.
    assert least(values, 7) == 0.5
    assert least(values, 8, reduction=2) == 0.4


def test_before_there_are_as_many_values_as_the_reduction_every_trial_goes_on():
    assert least([0.9], 1) == -math.inf
    assert least([0.9, 0.8], 2) == 0.9


def test_only_trials_up_to_n_minus_lag_are_compared():
    values = [0.1, 0.2, 0.3, 0.9, 0.9, 0.9]
    assert least(values, 6, lag=4) == least(values[:3], 3) == 0.2


def test_values_of_failed_trials_do_not_count_and_those_that_never_came_there_are_none():
    assert least([0.1, None, 0.3, 0.9], 4, t3="failed") == least([0.1, 0.3], 2)


def test_the_order_of_questions_with_gaps_changes_nothing():
    values = [0.5, 0.1, 0.9, 0.3, 0.2, 0.8, 0.4]
    made = Rungs([2], 3, 2, ledger(values))
    assert [made.least(n)[2] for n in (0, 3, 7)] == [least(values, n, lag=2) for n in (0, 3, 7)]


def test_sets_at_rungs_are_not_taken_for_finished_ones():
    assert ledger([0.5]).distilled == {}
    assert rung_values(ledger([0.5]), 0, "lenet", [2, 4]) == {2: 0.5}


def test_a_recipe_comes_to_the_rungs_before_its_end():
    recipe = Recipe.parse(json.loads(trial(0, 0.5)["recipe"]))
    assert recipe.outer_steps == 4
    assert rungs_below([1, 3, 4, 9], recipe) == [1, 3]

"""What a plan says of a search that looks and rungs may cut short."""

from orchestrator.search_amount import SearchAmount, least_amount, most_amount
from tests.orchestrator.planned import sweep
from tests.orchestrator.tiny_sweep import SWEEP


def amounts(search, **evaluate):
    made = sweep(search=SWEEP["search"] | {"trials": 10, "lag": 4} | search, evaluate=SWEEP["evaluate"] | evaluate)
    return most_amount(made, made.recipe), least_amount(made, made.recipe)


def test_without_looks_and_rungs_there_is_one_amount():
    assert amounts({}) == (SearchAmount(40, 40), SearchAmount(40, 40))


def test_with_looks_all_but_the_first_trials_may_end_at_the_first_one():
    assert amounts({}, inits=[5, 20]) == (SearchAmount(40, 200), SearchAmount(40, 4 * 20 + 6 * 5))


def test_with_rungs_outer_steps_are_spared_too():
    # The fifth trial is compared with one value alone, and a third of two is none.
    most, least = amounts({"rungs": [1, 2], "rung_inits": 3}, inits=[5, 20])
    assert most == SearchAmount(40, 10 * (20 + 6))
    assert least == SearchAmount(5 * 4 + 5 * 1, 5 * (20 + 6) + 5 * 3)

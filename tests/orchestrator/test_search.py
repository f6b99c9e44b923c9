import json
import math
import random

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.search import Outcome, Search

SPACE = {
    "steps": {"int": [1, 20]},
    "width": {"int": [8, 64], "step": 8},
    "distill_lr": {"float": [0.0005, 0.1], "log": True},
    "momentum": {"float": [0.0, 0.9], "step": 0.1},
    "outer_decay": {"choice": [None, "cosine", {"every": 40, "factor": 0.5}]},
}


def outcome(number, params, seed=0):
    """How a trial ends: a function of its number and parameters, now and then diverged or failed."""
    chance = random.Random(f"{seed}/{number}").random()
    if chance < 0.1:
        return Outcome("failed")
    if chance < 0.25:
        return Outcome("diverged", (0.1,) if chance < 0.2 else ())
    value = 0.9 - abs(math.log10(params["distill_lr"]) + 2) / 4 - abs(params["steps"] - 12) / 100
    if chance < 0.35:
        return Outcome("pruned", reports={100: value - 0.1, 200: value})
    return Outcome("raced_out" if chance < 0.45 else "complete", (value,))


def run(trials, lag, seed=1, sampler="tpe", shuffle=0):
    """Ask for every trial with `lag` of them known later, learning outcomes early and in an order that `shuffle` decides."""
    search, order = Search(SPACE, sampler, seed, lag), random.Random(shuffle)
    params, known = [], {}
    for n in range(trials):
        finished = [number for number in range(n) if number not in known]
        early = [number for number in finished if number not in search.needed(n) and order.random() < 0.5]
        news = [number for number in finished if number in search.needed(n)] + early
        order.shuffle(news)
        known = {**{number: outcome(number, params[number], seed) for number in news}, **known}
        params.append(search.ask(n, known))
    return params


@settings(max_examples=12, deadline=None)
@given(lag=st.integers(1, 9), seed=st.integers(0, 2**63), shuffles=st.tuples(st.integers(0, 99), st.integers(100, 199)))
def test_suggestions_depend_on_no_order_of_completion(lag, seed, shuffles):
    first, second = (run(26, lag, seed, shuffle=shuffle) for shuffle in shuffles)
    assert json.dumps(first) == json.dumps(second)


def test_asking_from_scratch_repeats_every_suggestion():
    before = run(30, lag=4)
    known = {number: outcome(number, params, seed=1) for number, params in enumerate(before)}
    again = Search(SPACE, "tpe", seed=1, lag=4)
    assert [again.ask(n, known) for n in range(30)] == before


@pytest.mark.parametrize("change", [{"seed": 2}, {"lag": 5}, {"sampler": "random"}])
def test_seed_lag_and_sampler_decide(change):
    assert run(30, **{"lag": 4, **change}) != run(30, lag=4)


def test_outcomes_steer_tpe_and_leave_random_alone():
    def ask(sampler, sign):
        search, known = Search(SPACE, sampler, 1, 1), {}
        for n in range(30):
            params = search.ask(n, known)
            known[n] = Outcome("complete", (sign * params["steps"] / 20,))
        return [search.ask(30, known)]

    assert ask("tpe", 1) != ask("tpe", -1)
    assert ask("random", 1) == ask("random", -1)


def test_tpe_finds_what_is_good():
    def share(sampler):
        late = run(60, lag=4, sampler=sampler)[40:]
        return sum(0.003 < params["distill_lr"] < 0.03 for params in late) / len(late)

    assert share("tpe") > 0.75 > share("random")  # by chance: 0.43, the share of the range's logarithm


def test_every_dimension_keeps_its_range_and_kind():
    for params in run(40, lag=3):
        assert list(params) == list(SPACE)
        assert [type(params[name]) for name in ("steps", "width", "distill_lr", "momentum")] == [int, int, float, float]
        assert params["steps"] in range(1, 21)
        assert params["width"] in range(8, 65, 8)
        assert 0.0005 <= params["distill_lr"] <= 0.1
        assert params["momentum"] * 10 == pytest.approx(round(params["momentum"] * 10))
        assert params["outer_decay"] in SPACE["outer_decay"]["choice"]


def test_every_choice_comes_up_as_it_was_written_and_is_the_callers_own():
    space = {"classes": {"choice": [[0, 1], [0, 3, 7], None, {"a": 1}, True]}}
    search = Search(space, "random", seed=1, lag=100)
    drawn = [search.ask(n, {})["classes"] for n in range(60)]
    assert all(choice in drawn for choice in space["classes"]["choice"])
    next(value for value in drawn if value == [0, 1]).append(9)
    assert space["classes"]["choice"][0] == [0, 1]


def test_only_what_lies_lag_back_is_told(monkeypatch):
    told = []
    tell = optuna.Study.tell

    def watch(study, trial, *args, **kwargs):
        told.append(trial.number)
        return tell(study, trial, *args, **kwargs)

    monkeypatch.setattr(optuna.Study, "tell", watch)
    search, known = Search(SPACE, "tpe", seed=1, lag=3), {}
    for n in range(6):
        known[n - 1] = Outcome("failed")  # known at once, for every earlier trial
        search.ask(n, known)
        assert told == list(range(n - 2))
        assert list(search.needed(n)) == told


def test_what_the_study_is_told():
    search, known = Search(SPACE, "tpe", seed=1, lag=1), {}
    endings = [
        Outcome("complete", (0.5,)),
        Outcome("diverged", (0.1,)),
        Outcome("diverged"),
        Outcome("failed"),
        Outcome("raced_out", (0.3,)),
        Outcome("pruned", reports={200: 0.4, 100: 0.2}),
    ]
    for n, ending in enumerate(endings):
        search.ask(n, known)
        known[n] = ending
    search.ask(len(endings), known)
    trials = search._study.trials
    states = [trial.state.name for trial in trials]
    assert states == ["COMPLETE", "COMPLETE", "COMPLETE", "FAIL", "COMPLETE", "PRUNED", "RUNNING"]
    assert [trial.value for trial in trials] == [0.5, 0.1, 0.0, None, 0.3, 0.4, None]
    assert trials[5].intermediate_values == {100: 0.2, 200: 0.4}
    assert [trial.constraints for trial in trials[:6]] == [{"finite": x} for x in (0.0, 1.0, 1.0, 0.0, 0.0, 0.0)]
    assert isinstance(search._study.pruner, optuna.pruners.NopPruner)
    assert search._study.direction.name == "MAXIMIZE"


def test_a_missing_outcome_is_named_and_can_be_brought():
    search = Search(SPACE, "tpe", seed=1, lag=2)
    known = {1: Outcome("failed")}
    search.ask(0, {})
    search.ask(1, {})
    with pytest.raises(ValueError, match=r"trial 2 needs the outcome of trial 0\b"):
        search.ask(2, known)
    with pytest.raises(ValueError, match="trial 3 is asked out of order: expected trial 2 next"):
        search.ask(3, known)
    search.ask(2, {0: Outcome("complete", (0.5,))})


def test_trials_end_where_they_should():
    search = Search(SPACE, "random", seed=1, lag=8, trials=2)
    for n in range(2):
        search.ask(n, {})
    with pytest.raises(ValueError, match="expected no more trials"):
        search.ask(2, {})


@pytest.mark.parametrize(
    "space, sampler, lag, says",
    [
        (SPACE, "cma", 1, "unknown sampler 'cma'; known: tpe, random"),
        (SPACE, "tpe", 0, "at least 1, got 0"),
        ({"steps": {"integer": [1, 2]}}, "tpe", 1, "steps: expected a dimension"),
        ({"steps": {"choice": []}}, "tpe", 1, "steps: expected a dimension"),
    ],
)
def test_what_does_not_exist_is_refused(space, sampler, lag, says):
    with pytest.raises(ValueError, match=says):
        Search(space, sampler, 1, lag)


@pytest.mark.parametrize(
    "status, values, reports",
    [
        ("complete", (), {}),
        ("raced_out", (), {}),
        ("pruned", (), {}),
        ("complete", (math.nan,), {}),
        ("diverged", (math.inf,), {}),
        ("pruned", (), {100: math.nan}),
    ],
)
def test_an_outcome_has_what_its_status_says_and_is_finite(status, values, reports):
    with pytest.raises(ValueError, match="value"):
        Outcome(status, values, reports)

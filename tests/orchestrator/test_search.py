import json
import math
import random
import statistics

import optuna
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.samplers import SAMPLERS
from orchestrator.search import Known, Outcome, Search

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
    value = 0.9 - abs(math.log10(params.get("distill_lr", 0.01)) + 2) / 4 - abs(params["steps"] - 12) / 100
    if chance < 0.35:
        return Outcome("pruned", reports={100: value - 0.1, 200: value})
    return Outcome("raced_out" if chance < 0.45 else "complete", (value,))


RANGES = {name: SPACE[name] for name in ("steps", "width", "distill_lr")}
POINTS = {name: SPACE[name] for name in ("steps", "width", "momentum", "outer_decay")}


def space_for(sampler):
    """A space that the sampler can search."""
    return {"cma_es": RANGES, "grid": POINTS}.get(sampler, SPACE)


def run(trials, lag, seed=1, sampler="tpe", shuffle=0):
    """Ask for every trial with `lag` of them known later, learning outcomes early and in an order that `shuffle` decides."""
    search, order = Search(space_for(sampler), sampler, seed, lag), random.Random(shuffle)
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


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_no_sampler_heeds_the_order_of_completion(sampler):
    trials = 16 if sampler == "gp" else 60
    assert run(trials, 4, sampler=sampler, shuffle=1) == run(trials, 4, sampler=sampler, shuffle=2)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_asking_from_scratch_repeats_every_suggestion(sampler):
    trials = 16 if sampler == "gp" else 60  # NSGA-II is in its second generation then
    before = run(trials, lag=4, sampler=sampler)
    known = {number: outcome(number, params, seed=1) for number, params in enumerate(before)}
    again = Search(space_for(sampler), sampler, seed=1, lag=4)
    assert [again.ask(n, known) for n in range(trials)] == before


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


def test_the_number_of_threads_changes_no_suggestion_and_is_left_as_it_was():
    before, asked = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            asked.append(run(16, lag=4, sampler="gp"))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert asked[0] == asked[1]


@pytest.mark.parametrize("sampler, trials", [("tpe", 30), ("nsga2", 60), ("gp", 13), ("qmc", 20)])
def test_several_objectives_are_asked_for_again_alike(sampler, trials):
    def search():
        return Search(SPACE, sampler, seed=1, lag=4, directions=("maximize", "minimize", "minimize"))

    first, known, asked = search(), {}, []
    for n in range(trials):
        asked.append(first.ask(n, known))
        costs = (10.0 * asked[n]["steps"], 1e6 * asked[n]["steps"] * asked[n]["width"])
        kind = Outcome("diverged") if n % 9 == 5 else Outcome("complete", (-abs(asked[n]["steps"] - 12), *costs))
        known[n] = Outcome("failed") if n % 11 == 7 else kind
    again = search()
    assert [again.ask(n, known) for n in range(trials)] == asked
    # What diverged is worst in all: no accuracy, at the largest costs that were told before it.
    told = [trial for trial in again._study.trials if trial.values and trial.constraints == {"finite": 1.0}]
    assert told
    assert all(trial.values[0] == 0.0 and trial.values[1] > 0 for trial in told[1:])


BOWL = {"x": {"float": [-1.0, 1.0]}, "y": {"float": [-1.0, 1.0]}}


@pytest.mark.parametrize("sampler, trials", [("tpe", 60), ("gp", 24), ("cma_es", 120), ("nsga2", 160)])
def test_a_sampler_that_learns_ends_nearer_to_the_best(sampler, trials):
    def late(name):
        search, known = Search(BOWL, name, 1, 2), {}
        for n in range(trials):
            params = search.ask(n, known)
            known[n] = Outcome("complete", (-((params["x"] - 0.4) ** 2) - (params["y"] + 0.3) ** 2,))
        return statistics.median(known[n].values[0] for n in range(trials * 3 // 4, trials))

    assert late(sampler) > late("random") / 3  # both are below 0: three times as near, in squares


def test_quasi_random_numbers_are_spread_evenly():
    search = Search(BOWL, "qmc", 1, 4)
    drawn = [search.ask(n, {k: Outcome("failed") for k in range(n)}) for n in range(65)][1:]
    cells = {(int((each["x"] + 1) * 4), int((each["y"] + 1) * 4)) for each in drawn}
    assert len(cells) == 64  # a net of Sobol's sequence has a point in every cell; by chance there would be some 40


def test_a_grid_has_every_point_once_in_an_order_of_its_seed():
    space = {
        "steps": {"int": [1, 7], "step": 3},
        "lr": {"float": [0.0, 0.3], "step": 0.1},
        "labels": {"choice": ["a", None]},
    }

    def points(seed):
        search = Search(space, "grid", seed, lag=2)
        return [search.ask(n, {k: Outcome("failed") for k in range(n)}) for n in range(24)]

    found = {(each["steps"], round(10 * each["lr"]), each["labels"]) for each in points(1)}
    assert found == {(steps, lr, labels) for steps in (1, 4, 7) for lr in range(4) for labels in ("a", None)}
    assert points(1) != points(2)


def test_enqueued_trials_come_first_and_the_sampler_fills_what_they_leave_open():
    first = [{"steps": 3, "outer_decay": {"every": 40, "factor": 0.5}}, {"distill_lr": 0.02}]
    search = Search(SPACE, "tpe", seed=1, lag=4, enqueue=first)
    asked = [search.ask(n, {}) for n in range(4)]
    assert [{key: each[key] for key in given} for each, given in zip(asked, first, strict=False)] == first
    assert all(list(each) == list(SPACE) for each in asked)


def test_every_dimension_keeps_its_range_and_kind():
    for params in run(40, lag=3):
        assert list(params) == list(SPACE)
        assert [type(params[name]) for name in ("steps", "width", "distill_lr", "momentum")] == [int, int, float, float]
        assert params["steps"] in range(1, 21)
        assert params["width"] in range(8, 65, 8)
        assert 0.0005 <= params["distill_lr"] <= 0.1
        assert params["momentum"] * 10 == pytest.approx(round(params["momentum"] * 10))
        assert params["outer_decay"] in SPACE["outer_decay"]["choice"]


@pytest.mark.parametrize("sampler", ["tpe", "gp", "nsga2", "cma_es"])
def test_a_sampler_learns_from_the_trials_of_another_study(sampler):
    def asked(known):
        search = Search(BOWL, sampler, 1, 4, known=known)
        return [search.ask(n, {}) for n in range(4)]

    near = [{"x": 0.4 + i / 100, "y": -0.3 - i % 5 / 100} for i in range(-10, 10)]
    far = [{"x": -0.9 + i / 100, "y": 0.9} for i in range(20)]
    known = [Known(params, (1.0,)) for params in near] + [Known(params, (0.0,)) for params in far]
    nearer = [math.dist((each["x"], each["y"]), (0.4, -0.3)) for each in asked(known)]
    assert asked(known) == asked(known) != asked([])
    if sampler != "gp":  # which explores first what the trials that it knows leave out
        assert statistics.median(nearer) < 0.6  # by chance 0.95


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
        (SPACE, "cma", 1, "unknown sampler 'cma'; known: tpe, random, qmc, gp, nsga2, cma_es, grid"),
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

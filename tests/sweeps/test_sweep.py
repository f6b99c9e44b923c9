import json

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sweeps
from distiller.recipe import Recipe
from sweeps import Sweep, SweepError
from sweeps.error import Place
from sweeps.sweep import build

PLAIN = {
    "name": "a",
    "seed": 3,
    "recipe": {"data": "digits", "network": "lenet", "classes": [0, 3], "outer_decay": {"every": 4, "factor": 0.5}},
    "search": {"trials": 5, "space": {"steps": {"int": [1, 5]}, "distill_lr": {"float": [1e-3, 0.1], "log": True}}},
    "evaluate": {"validation": 10, "inits": 5},
    "baselines": ["random_real"],
}


def make(**changes):
    """Return the sweep of `PLAIN` with ``changes`` by dotted key (``__`` for the dot); ``...`` takes a key away."""
    plain = json.loads(json.dumps(PLAIN))
    for dotted, value in changes.items():
        *sections, key = dotted.split("__")
        inner = plain
        for section in sections:
            inner = inner.setdefault(section, {})
        if value is ...:
            del inner[key]
        else:
            inner[key] = value
    return build(plain, lambda _: Place("test"))


def test_a_sweep_is_frozen():
    with pytest.raises(pydantic.ValidationError):
        make().seed = 4


def test_recipe_is_settled_and_filled_in():
    recipe = make().recipe
    assert recipe == recipe.settled()
    assert (recipe.seed, recipe.validation, recipe.device, recipe.backend) == (3, 10, "cpu", "batched")
    assert make(resources__gpus=1).recipe.device == "cuda"


@st.composite
def plain_sweeps(draw):
    dimensions = {
        "steps": st.builds(lambda low, more: {"int": [low, low + more]}, st.integers(1, 9), st.integers(0, 9)),
        "outer_lr": st.builds(
            lambda low, log: {"float": [low, 2 * low], "log": log}, st.floats(1e-9, 1e9), st.booleans()
        ),
        "labels": st.just({"choice": ["soft", "hard"]}),
        "classes": st.just({"choice": [None, [0], [3, 1]]}),
        "network": st.just({"choice": ["lenet", "a.b:C"]}),
    }
    space = draw(st.fixed_dictionaries({}, optional=dimensions))
    final = {"top": st.integers(1, 3), "runs": st.integers(0, 3), "networks": st.none() | st.just(["lenet", "x"])}
    return PLAIN | {
        "about": draw(st.text(st.characters(codec="utf-8"))),
        "seed": draw(st.integers(0, 2**63 - 1)),
        "published": draw(st.none() | st.just({"accuracy": "82.75 ± 2.75", "source": "Table 2"})),
        "recipe": {
            "data": draw(st.text(st.characters(codec="utf-8"))),
            "network": draw(st.sampled_from(["lenet", "a.b:C"])),
        },
        "search": {"trials": draw(st.integers(1, 99)), "space": space} if space else None,
        "evaluate": {"validation": 9, "inits": 2, "final": draw(st.fixed_dictionaries({}, optional=final))},
        "resources": {"cpus": draw(st.sampled_from([1, 0.5, 4])), "gpus": draw(st.sampled_from([0, 0.25, 2]))},
    }


@given(plain_sweeps())
def test_thaw_gives_back_what_was_frozen_through_json(plain):
    sweep = build(plain, lambda _: Place("test"))
    thawed = Sweep.thaw(json.loads(json.dumps(sweep.frozen())))
    assert thawed == sweep
    assert thawed.frozen() == sweep.frozen()
    assert thawed.digest() == sweep.digest()


def test_frozen_holds_the_settled_recipe_and_the_form_of_the_file():
    frozen = make().frozen()
    assert frozen["recipe"]["backend"] == "batched"
    assert Recipe.parse(frozen["recipe"]) == make().recipe
    assert frozen["search"]["space"]["steps"] == {"int": [1, 5], "log": False, "step": None}
    assert frozen["evaluate"]["final"] == {"top": 1, "inits": 200, "runs": 0, "networks": None}


@pytest.mark.parametrize(
    "change, key",
    [
        ({"recipe": None}, "recipe"),
        ({"colour": 3}, "colour"),
        ({"seed": "x"}, "seed"),
        ({"recipe": make().recipe.plain() | {"seed": 4}}, "recipe.seed"),
        ({"recipe": make().recipe.plain() | {"device": "cuda"}}, "recipe.device"),
        ({"recipe": make().recipe.plain() | {"steps": 0}}, "recipe.steps"),
    ],
)
def test_thaw_refuses_what_was_not_frozen(change, key):
    with pytest.raises(SweepError) as caught:
        Sweep.thaw(make().frozen() | change)
    assert caught.value.key == key
    assert str(caught.value).startswith(f"frozen sweep: {key}: ")


@pytest.mark.parametrize("frozen", [None, [], "x", {}, make().frozen() | {3: 4}])
def test_thaw_refuses_what_is_no_sweep(frozen):
    with pytest.raises(SweepError, match=r"^frozen sweep: "):
        Sweep.thaw(frozen)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "b"},
        {"about": "another"},
        {"published": {"accuracy": "1", "source": "x"}},
        {"cost": {"core_minutes": 2, "memory": 500}},
        {"resources__cpus": 2},
        {"resources__slots": 7},
        {"search__trials": 500},
        # The same said in another way
        {"recipe__backend": "batched"},
        {"recipe__chunk": 8},
        {"search__lag": 8},
        {"search__space": dict(reversed(PLAIN["search"]["space"].items()))},
        {"evaluate__final": {}},
        {"evaluate__final": {"inits": 200}},
    ],
)
def test_digest_is_the_same_where_results_are(change):
    assert make(**change).digest() == make().digest()


def test_digest_differs_wherever_results_may():
    changes = [
        {},
        {"seed": 4},
        {"recipe__data": "mnist"},
        {"recipe__steps": 2},
        {"recipe__chunk": 4},
        {"recipe__threads": 2},
        {"recipe__memory": "saved"},
        {"resources__gpus": 1},  # another device
        {"search__sampler": "random"},
        {"search__lag": 2},
        {"search__space__steps": {"int": [1, 6]}},
        {"search__space__steps": {"int": [1, 5], "log": True}},
        {"search__space__epochs": {"int": [1, 2]}},
        {"search__space__labels": {"choice": ["soft", "hard"]}},
        {"search__space__labels": {"choice": ["hard", "soft"]}},
        {"search": None},
        {"evaluate__validation": 11},
        {"evaluate__inits": 6},
        {"evaluate__shard": 7},
        {"evaluate__final": {"top": 2}},
        {"evaluate__final": {"runs": 1}},
        {"evaluate__final": {"networks": ["lenet"]}},
        {"baselines": []},
        {"search": None, "distil": False},
        {"tuning__norms": [2]},
        {"tuning__neighbours": [1]},
        {"tuning__optimised": {"inits": 3}},
    ]
    digests = [make(**change).digest() for change in changes]
    assert all(len(digest) == 64 for digest in digests)
    assert len(set(digests)) == len(changes)


def test_recipe_for_puts_a_trials_parameters_in():
    sweep = make()
    assert sweep.recipe_for({}) == sweep.recipe
    recipe = sweep.recipe_for({"steps": 4, "distill_lr": 0.05})
    assert (recipe.steps, recipe.distill_lr, recipe.seed, recipe.validation) == (4, 0.05, 3, 10)
    assert recipe == recipe.settled()
    classes = make(search__space={"classes": {"choice": [[0, 1], None]}})
    assert classes.recipe_for({"classes": [0, 1]}).classes == (0, 1)
    assert classes.recipe_for({"classes": None}).classes is None


def test_a_searched_network_is_settled_trial_by_trial():
    sweep = make(search__space__network={"choice": ["lenet", "convnet3"]})
    assert sweep.recipe.backend == "auto"
    assert sweep.recipe_for({"network": "lenet"}).backend == "batched"
    assert sweep.recipe_for({"network": "convnet3"}).backend == "loop"
    assert make(recipe__backend="vmap").recipe_for({}).backend == "vmap"


@pytest.mark.parametrize(
    "params, message",
    [
        ({"epochs": 3}, "sweep a: epochs: is no dimension of the search; expected some of: distill_lr, steps"),
        ({"seed": 3}, "sweep a: seed: is no dimension of the search"),
        ({"steps": 0}, "sweep a: steps: expected a whole number of at least 1, got 0"),
    ],
)
def test_recipe_for_refuses_what_the_search_could_not_ask(params, message):
    with pytest.raises(SweepError) as caught:
        make().recipe_for(params)
    assert str(caught.value).startswith(message)


def test_a_larger_budget_changes_nothing_else():
    sweep = make()
    larger = sweep.with_budget(trials=9, hours=2.5)
    assert (larger.search.trials, larger.search.hours, larger.search.device_hours) == (9, 2.5, None)
    assert larger.digest() == sweep.digest()
    assert larger.with_budget(trials=9, device_hours=1).search.device_hours == 1.0
    assert sweep.search.trials == 5
    with pytest.raises(SweepError, match=r"sweep a: search\.trials: expected at least the 5 it has, got 4"):
        sweep.with_budget(trials=4)
    with pytest.raises(SweepError, match=r"sweep a: search\.hours: expected at least the 2\.5 it has, got 2\.0"):
        larger.with_budget(hours=2.0)
    with pytest.raises(SweepError, match="there is no budget to raise"):
        make(search=None).with_budget(trials=4)


def test_parts_are_made_in_python_too():
    sweep = sweeps.read("quickstart")
    again = Sweep(name="b", search=sweep.search, evaluate=sweep.evaluate, recipe={"data": "digits", "network": "lenet"})
    assert again.search == sweep.search
    assert again.recipe.validation == sweep.evaluate.validation


def test_full_data_is_training_on_all_of_the_recipes_data_by_networks_drawn_at_random():
    sweep = make(recipe__init="fixed", recipe__inits_per_step=3, full_data={"passes": 7, "inits": 2})
    recipe = sweep.full_data.applied_to(sweep.recipe)
    assert (recipe.pretrained.data, recipe.pretrained.passes) == ("digits", 7)
    assert (recipe.init, recipe.objective, recipe.validation) == ("random", "basic", 10)


def test_full_data_go_with_every_method():
    sweep = make(recipe={"data": "digits", "network": "lenet", "method": "labels"}, search=None, full_data={})
    assert sweep.full_data.applied_to(sweep.recipe).method == "unrolled"


@pytest.mark.parametrize(
    ("key", "choices", "one"),
    [
        ("data", ["digits", "mnist"], "data set"),
        ("init_scheme", ["default", "orthogonal"], "initialisation scheme"),
    ],
)
def test_full_data_are_of_one_data_set_and_one_way_to_draw_networks(key, choices, one):
    with pytest.raises(SweepError, match=f"full_data: is of one {one}"):
        make(full_data={}, **{f"search__space__{key}": {"choice": choices}})


def test_workers_share_the_chunks_of_a_step():
    recipe = {"data": "digits", "network": "lenet", "inits_per_step": 20, "chunk": 8}
    assert make(recipe=recipe, search=None, resources={"workers": 3}).resources.workers == 3
    with pytest.raises(
        SweepError, match=r"workers: 4 for 20 networks an outer step, .* expected at most 3, or another"
    ):
        make(recipe=recipe, search=None, resources={"workers": 4})
    # Where the search varies what there is to share, each trial has as many as it can use.
    space = {"trials": 2, "space": {"inits_per_step": {"int": [1, 64]}}}
    assert make(recipe=recipe, search=space, resources={"workers": 4}).resources.workers == 4


@pytest.mark.parametrize("method", ["labels", "ridge"])
def test_labels_are_learned_by_one_worker(method):
    recipe = {"data": "digits", "network": "lenet", "method": method}
    with pytest.raises(
        SweepError, match=f"resources.workers: method {method} learns beside one network at a time; leave"
    ):
        make(recipe=recipe, search=None, resources={"workers": 2})


def test_workers_decide_nothing():
    recipe = {"data": "digits", "network": "lenet", "inits_per_step": 20, "chunk": 8}
    one, two = (make(recipe=recipe, search=None, resources={"workers": workers}) for workers in (1, 2))
    assert one.digest() == two.digest()

from orchestrator.differing import differing

SEARCH = {"trials": 8, "lag": 3, "space": {"steps": {"int": [1, 5], "log": False}}}
OTHER = {
    "trials": 8,
    "lag": 2,
    "space": {"steps": {"int": [1, 9], "log": False}, "inputs": {"choice": ["noise", "real"]}},
}


def test_what_is_the_same_in_all_is_left_out():
    one = {"name": "a", "evaluate": {"inits": 3, "final": {"top": 1}}}
    assert differing([one, one, one]) == {}
    assert differing([one, {"name": "a", "evaluate": {"inits": 3, "final": {"top": 2}}}]) == {
        "evaluate.final.top": (1, 2)
    }


def test_a_section_that_only_some_have_is_one_key():
    found = differing([{"search": SEARCH}, {"search": None}])
    assert found == {"search": (SEARCH, None)}


def test_of_such_a_section_the_others_differences_are_told():
    found = differing([{"search": SEARCH}, {"search": None}, {"search": OTHER}])
    assert found["search.lag"] == (3, None, 2)
    assert "search.trials" not in found


def test_dimensions_and_decays_are_whole():
    recipes = [{"recipe": {"outer_decay": decay}} for decay in (None, "cosine", {"every": 40, "factor": 0.5})]
    assert differing(recipes) == {"recipe.outer_decay": (None, "cosine", {"every": 40, "factor": 0.5})}
    found = differing([{"search": SEARCH}, {"search": OTHER}])
    assert found["search.space.steps"] == (SEARCH["space"]["steps"], OTHER["space"]["steps"])
    assert found["search.space.inputs"] == (None, {"choice": ["noise", "real"]})


def test_values_of_another_kind_are_no_section():
    assert differing([{"published": "x"}, {"published": None}]) == {"published": ("x", None)}

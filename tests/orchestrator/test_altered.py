from orchestrator.altered import altered_keys
from sweeps import read


def test_a_shipped_sweep_is_itself():
    assert altered_keys(read("quickstart")) == ()


def test_speed_and_budget_alter_nothing():
    assert altered_keys(read("quickstart", ["search.trials=1", "resources.cpus=2", "resources.segment=3"])) == ()


def test_what_decides_results_is_named():
    altered = read("quickstart", ["recipe.outer_steps=7", "evaluate.inits=3", "search.space.steps={int: [1, 2]}"])
    assert {"recipe.outer_steps", "evaluate.inits"} <= set(altered_keys(altered))
    assert any(key.startswith("search.space.steps") for key in altered_keys(altered))


def test_a_sweep_of_ones_own_is_compared_with_none():
    assert altered_keys(read("quickstart", ["recipe.outer_steps=7", "name=mine"])) == ()

import pytest

import sweeps
from sweeps import SweepError


def test_an_override_replaces_adds_and_removes(sweep_file, least):
    name = sweep_file(least + "search: {trials: 9, space: {epochs: {int: [1, 2]}}}\n")

    def read(*overrides):
        return sweeps.read(name, overrides)

    assert read("recipe.outer_steps=200").recipe.outer_steps == 200
    assert read("recipe.distill_lr=1e-3").recipe.distill_lr == 0.001
    assert read("recipe.classes=[0, 3]").recipe.classes == (0, 3)
    assert read("recipe.outer_decay={every: 4, factor: 0.5}").recipe.outer_decay.every == 4
    assert read("recipe.outer_decay.every=4", "recipe.outer_decay.factor=0.5").recipe.outer_decay.factor == 0.5
    assert read("about=a=b").about == "a=b"
    assert list(read("search.space.steps={int: [1, 5]}").search.space) == ["epochs", "steps"]
    assert list(read("search.space={steps: {int: [1, 5]}}").search.space) == ["steps"]
    assert read("search=null").search is None
    assert read("search=").search is None
    assert read("evaluate.final.runs=2").evaluate.final == sweeps.Final(runs=2)
    assert read("baselines=[random_real]").baselines == ("random_real",)
    assert read("seed=2", "seed=3").seed == 3


def test_a_missing_section_is_made_whole_by_overrides(sweep_file, least):
    overrides = ["search.trials=4", "search.space.steps={int: [1, 5]}"]
    assert sweeps.read(sweep_file(least), overrides).search.trials == 4
    assert sweeps.read(sweep_file(least + "search:\n"), overrides).search.trials == 4


def test_an_override_mends_what_the_file_has_wrong(sweep_file, least):
    name = sweep_file(least + "seed: x\n")
    assert sweeps.read(name, ["seed=3"]).seed == 3


@pytest.mark.parametrize(
    "override, message",
    [
        ("recipe.outer_steps=x", "--set recipe.outer_steps=x: expected a whole number of at least 1, got 'x'"),
        ("recipe.step=3", "--set recipe.step=3: unknown key; did you mean steps?"),
        ("recipe.seed=3", "--set recipe.seed=3: has another place; set seed: at the top"),
        ("recpie.steps=3", "--set recpie.steps=3: recpie: unknown key; did you mean recipe?"),
        (
            "evaluate.inits=[9, 8]",
            "--set evaluate.inits=[9, 8]: expected a whole number of at least 1, or rising looks",
        ),
        (
            "search={trials: 2, space: {steps: {int: [5, 1]}}}",
            "--set search={trials: 2, space: {steps: {int: [5, 1]}}}: search.",
        ),
        (
            "search.space.steps={int: [1, 5]}",
            "--set search.space.steps={int: [1, 5]}: search.trials: is missing; expected a wh",
        ),
        (
            "recipe.data.x=3",
            "--set recipe.data.x=3: recipe.data: has no keys inside, it is 'digits'; expected to set it as a",
        ),
        ("recipe=", "--set recipe=: expected keys and values, got nothing"),
        ("outer_steps", "--set outer_steps: expected KEY=VALUE, such as recipe.outer_steps=200"),
        ("=3", "--set =3: expected KEY=VALUE"),
        ("recipe..steps=3", "--set recipe..steps=3: expected KEY=VALUE"),
        ("recipe.steps=[1", "--set recipe.steps=[1: is not YAML: expected ',' or ']'"),
        ("recipe.steps=!mine 3", "--set recipe.steps=!mine 3: tag !mine is not accepted"),
        ("recipe.steps=*x", "--set recipe.steps=*x: alias *x stands for nothing"),
        ("about=\x01", "--set about= : is not YAML text: character 0x1 is not allowed"),
    ],
)
def test_an_override_gone_wrong_is_named_as_it_was_typed(sweep_file, least, override, message):
    with pytest.raises(SweepError) as caught:
        sweeps.read(sweep_file(least), [override])
    assert str(caught.value).startswith(message)
    assert str(caught.value).isprintable()


def test_a_mistake_of_the_file_keeps_its_line_beside_overrides(sweep_file, least):
    with pytest.raises(SweepError, match=r"^f\.yaml:8: seed: expected"):
        sweeps.read(sweep_file(least + "seed: x\n"), ["recipe.steps=2"])

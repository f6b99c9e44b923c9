import pytest

from distiller.recipe import Recipe
from sweeps.part import RefusedError
from sweeps.space import Choice, FloatRange, IntRange, check_space, read_dimension

RECIPE = Recipe.parse({"data": "digits", "network": "lenet"})


@pytest.mark.parametrize(
    "plain, kind",
    [
        ({"int": [1, 20], "log": False, "step": None}, IntRange),
        ({"int": [2, 2], "log": True, "step": None}, IntRange),
        ({"int": [1, 20], "log": False, "step": 19}, IntRange),
        ({"float": [0.0005, 0.1], "log": True, "step": None}, FloatRange),
        ({"float": [1.0, 2.0], "log": False, "step": 0.25}, FloatRange),
        ({"choice": ["a", 1, None, [0, 1], {"every": 2}]}, Choice),
    ],
)
def test_a_dimension_reads_back_from_its_plain_form(plain, kind):
    dimension = read_dimension(plain)
    assert isinstance(dimension, kind)
    assert dimension.plain() == plain
    assert read_dimension(dimension.plain()) == dimension
    assert read_dimension(dimension) is dimension


def test_bounds_have_the_kind_of_their_range():
    numbers = read_dimension({"float": [1, 2]})
    assert (numbers.low, numbers.high) == (1.0, 2.0)
    assert isinstance(numbers.low, float)
    assert isinstance(read_dimension({"int": [1, 2]}).low, int)


@pytest.mark.parametrize(
    "key, plain",
    [
        ("steps", {"int": [1, 20]}),
        ("distill_lr", {"int": [1, 2]}),  # a whole number is a number
        ("distill_lr", {"float": [0.1, 2]}),
        ("data", {"choice": ["digits", "mnist"]}),
        ("network", {"choice": ["lenet", "package.module:Class"]}),
        ("classes", {"choice": [[0, 3, 7], None]}),
        ("outer_decay", {"choice": ["cosine", None, {"every": 40, "factor": 0.5}]}),
        ("memory", {"choice": ["saved", "recompute"]}),
    ],
)
def test_whatever_the_recipe_accepts_may_be_searched(key, plain):
    check_space({key: read_dimension(plain)}, RECIPE)


@pytest.mark.parametrize(
    "key, plain, path",
    [
        ("steps", {"int": [1, 2**63]}, ("steps", "int", 1)),
        ("labels", {"int": [1, 2]}, ("labels", "int", 0)),
        ("classes", {"choice": [[0, 1], [1, 1]]}, ("classes", "choice", 1)),
        ("outer_decay", {"choice": ["cosine", "linear"]}, ("outer_decay", "choice", 1)),
        (
            "outer_decay",
            {"choice": [{"every": 1, "factor": 1}, {"every": 1, "factor": 1.0}]},
            ("outer_decay", "choice", 1),
        ),
        ("device", {"choice": ["cpu"]}, ("device",)),
    ],
)
def test_what_the_recipe_does_not_accept_is_refused_where_it_stands(key, plain, path):
    with pytest.raises(RefusedError) as caught:
        check_space({key: read_dimension(plain)}, RECIPE)
    assert caught.value.path == path

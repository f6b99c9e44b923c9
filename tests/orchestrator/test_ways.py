import pytest

from distiller.recipe import Recipe
from distiller.training import Training, TrainingError
from orchestrator.measurement import phase_parts
from orchestrator.ways import OWN_WAY, Way, described, rates_of, resolved, way_of

ADAM = Training(optimiser="adam", lr=1e-3, batch=50, steps=300)


def test_ways_do_not_collide():
    trainings = [
        None, Training(), Training(order="shuffled"), Training(steps=9), ADAM, Training(optimiser="adam", lr=1e-3),
        Training(optimiser="adam", lr=2e-3), Training(optimiser="sgd", lr=1e-3), Training(optimiser="sgd", lr=1e-3, steps=9),
    ]  # fmt: skip
    ways = [Way(training, scheme) for training in trainings for scheme in (None, "orthogonal", "default")]
    assert len({way.phase for way in ways}) == len(ways)
    assert {phase_parts(way.phase)[0] for way in ways} == {"extra"}
    # None of them is taken for the number of another final.
    assert {phase_parts(way.phase)[2] for way in ways} == {1}


def test_the_sets_own_way_has_no_name_and_needs_no_words():
    assert (OWN_WAY.phase, OWN_WAY.arguments(), OWN_WAY.rate) == ("extra", {}, None)
    assert OWN_WAY.columns() == {"training": None, "init_scheme": None}


def test_a_way_keeps_its_name():
    # Rows of runs that are years old are found by it.
    assert Way(Training(optimiser="adam", lr=1e-3)).phase == "extra/adam-d5646d19"


def test_columns_say_the_way_in_words():
    columns = Way(ADAM, "default").columns()
    assert described(**columns) == "adam 0.001, batch 50, 300 steps, fresh default"
    assert described(**Way(Training(order="shuffled")).columns()) == "learned rates, shuffled"
    assert described(None, None) == "the set's own way"
    assert described(None, "orthogonal") == "the set's own way, fresh orthogonal"
    assert Training.parse(Way(ADAM).arguments()["training"]) == ADAM
    assert all(
        way_of(way.columns()) == way for way in (OWN_WAY, Way(ADAM, "default"), Way(Training()), Way(None, "normal"))
    )


def test_another_scheme_draws_fresh_networks():
    fixed = Recipe(data="digits", network="lenet", init="fixed")
    assert OWN_WAY.recipe(fixed) is fixed
    drawn = Way(init_scheme="default").recipe(fixed)
    assert (drawn.init, drawn.init_scheme) == ("random", "default")


@pytest.mark.parametrize(
    ("own", "asked", "found"),
    [
        (Training(), {}, None),
        (Training(), {"optimiser": "learned"}, None),
        (Training(), {"steps": 5}, Training(steps=5)),
        (Training(), {"optimiser": "momentum"}, Training(optimiser="momentum")),
        # A rate belongs to its optimiser, the steps and the batches to the set.
        (ADAM, {"optimiser": "sgd"}, Training(optimiser="sgd", batch=50, steps=300)),
        (ADAM, {"lr": 0.01}, Training(optimiser="adam", lr=0.01, batch=50, steps=300)),
        (ADAM, {"steps": 300}, None),
        (ADAM, {"optimiser": "learned"}, Training(steps=300)),
        (Training(order="shuffled", optimiser="sgd", lr=1.0), {"batch": 5}, Training(optimiser="sgd", lr=1.0, batch=5)),
    ],
)
def test_what_is_asked_is_put_into_the_sets_own_way(own, asked, found):
    assert resolved(own, asked) == found


def test_a_rate_alone_is_refused_where_the_rates_are_learned():
    with pytest.raises(TrainingError, match="lr: the learned rates belong to the set's own batches"):
        resolved(Training(), {"lr": 0.1})


def test_adam_is_tuned_at_smaller_rates():
    assert rates_of(Training(optimiser="momentum"), (0.01, 0.1)) == [0.01, 0.1]
    assert rates_of(Training(optimiser="adam"), (0.01, 0.1)) == pytest.approx([0.001, 0.01])

import dataclasses

import pytest
import torch

from distiller.data import load
from distiller.distill import State, advance, distilled_of, start
from distiller.distilled import Distilled
from distiller.evaluate import evaluate, evaluation_seeds
from distiller.label_loop import project
from distiller.recipe import Base, Recipe, Selection
from distiller.training import Training
from tests.distiller.small_data import blobs

RECIPE = Recipe(
    data="blobs", network="lenet", method="labels", init_scheme="default", per_class=2, inner_batch=4, patience=2,
    selection=Selection(every=2, networks=2), outer_steps=14, outer_lr=0.01, batch=25, validation=24,
)  # fmt: skip
DATA = blobs()
METHODS = pytest.mark.parametrize("method", ["labels", "ridge"])


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@METHODS
def test_segments_of_any_length_and_a_stop_between_them_change_nothing(method):
    recipe = dataclasses.replace(RECIPE, method=method)
    whole = advance(recipe, DATA, start(recipe, DATA), 100)
    assert whole.outer_step == recipe.outer_steps
    # A restart, and a selection that is not the last, lie within.
    assert len(whole.online["restarts.lengths"]) > 0
    cut = start(recipe, DATA)
    for steps in (1, 0, 2, 1, 5, 100):
        cut = State.from_bytes(advance(recipe, DATA, cut, steps).to_bytes())
    assert equal(whole.learned, cut.learned)
    assert equal(whole.online, cut.online)
    assert equal(whole.best, cut.best)
    for name in ("loss", "accuracy", "gradient_norm"):
        assert torch.equal(whole.curve[name], cut.curve[name]), name
    validated = whole.curve["validation"].nan_to_num(-1)
    assert torch.equal(validated, cut.curve["validation"].nan_to_num(-1))
    assert (validated >= 0).nonzero().flatten().tolist() == [5, 11, 13]
    assert distilled_of(recipe, DATA, whole).digest() == distilled_of(recipe, DATA, cut).digest()


@METHODS
def test_the_set_says_how_to_train_on_it(method):
    recipe = dataclasses.replace(RECIPE, method=method)
    state = advance(recipe, DATA, start(recipe, DATA), 100)
    distilled = Distilled.from_bytes(distilled_of(recipe, DATA, state).to_bytes())
    steps = int(state.best["steps"])
    optimiser = "ridge" if method == "ridge" else "adam"
    assert distilled.training == Training(optimiser=optimiser, lr=1e-3, batch=4, steps=steps)
    assert distilled.inputs.shape == (1, 6, 1, 28, 28)
    assert torch.equal(distilled.labels, state.best["labels"])
    assert torch.allclose(distilled.labels.sum(-1), torch.ones(1, 6))
    assert (distilled.labels >= 0).all()
    assert len(distilled.rates) == 0


def test_labels_start_alike_and_without_validation_the_last_ones_count():
    recipe = dataclasses.replace(RECIPE, validation=0)
    data = dataclasses.replace(DATA, validation=type(DATA.train)(DATA.train.inputs[:0], DATA.train.labels[:0]))
    state = start(recipe, data)
    assert torch.allclose(state.learned["labels"], torch.full((1, 6, 3), 1 / 3))
    state = advance(recipe, data, state, 100)
    distilled = distilled_of(recipe, data, state)
    assert torch.equal(distilled.labels, state.learned["labels"])
    assert distilled.training.steps >= 1


def test_the_best_labels_are_the_latest_of_those_that_validate_best():
    every_step = dataclasses.replace(RECIPE, selection=Selection(every=1), batch=60, outer_steps=6)
    best = None
    state = start(every_step, DATA)
    for _ in range(6):
        reached = advance(every_step, DATA, state, 1)
        accuracy, kept = float(reached.best["accuracy"]), reached.best["labels"]
        if best is None or accuracy > best:
            best = accuracy
            assert torch.equal(kept, reached.learned["labels"])
        assert accuracy == best
        state = reached


def test_projection_gives_probabilities_and_guards_a_row_of_zeros():
    labels = torch.tensor([[2.0, 1.0, -1.0], [-1.0, -2.0, 0.0], [0.2, 0.2, 0.4]])
    expected = torch.tensor([[0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3], [0.25, 0.25, 0.5]])
    assert torch.allclose(project(labels), expected)
    assert project(torch.tensor([[1.5], [-0.5], [0.3]])).tolist() == [[1.0], [0.0], pytest.approx([0.3])]


def test_two_classes_have_one_output():
    data = blobs(classes=2)
    state = advance(RECIPE, data, start(RECIPE, data), 100)
    labels = distilled_of(RECIPE, data, state).labels
    assert labels.shape == (1, 4, 1)
    assert ((labels >= 0) & (labels <= 1)).all()
    # Base examples alternate between the classes.
    assert (labels[0, 0::2].mean() - labels[0, 1::2].mean()).item() < -0.05


def test_a_divergence_is_said_and_ends_it():
    data = dataclasses.replace(DATA, train=type(DATA.train)(DATA.train.inputs * float("inf"), DATA.train.labels))
    state = advance(RECIPE, data, start(RECIPE, DATA), 5)
    assert "not finite at outer step 0" in state.diverged
    assert state.outer_step == 0
    assert len(state.curve["loss"]) == 1


DIGITS = Recipe(
    data="digits", network="lenet", method="labels", init_scheme="default", inner_batch=50, batch=64, validation=200,
    selection=Selection(every=5, networks=2),
)  # fmt: skip


def accuracy(recipe, dataset, distilled, networks=8):
    seeds = evaluation_seeds(recipe, "final", networks)
    found = evaluate(recipe, dataset, distilled, seeds, dataset.test)
    return sum(each.accuracy for each in found) / networks


def learned(recipe, dataset):
    return distilled_of(recipe, dataset, advance(recipe, dataset, start(recipe, dataset), recipe.outer_steps))


@pytest.mark.parametrize(
    ("settings", "at_least"),
    [
        ({"method": "ridge", "outer_steps": 300, "outer_lr": 0.005}, 0.35),
        # A second-order step tells less of the labels than a whole head that is solved for.
        pytest.param({"outer_steps": 200, "outer_lr": 0.003, "batch": 256}, 0.35, marks=pytest.mark.slow),
    ],
    ids=["ridge", "labels"],
)
def test_labels_that_start_alike_come_to_teach_digits(settings, at_least):
    dataset = load("digits", 200)
    recipe = dataclasses.replace(DIGITS, selection=Selection(every=40), **settings)
    distilled = learned(recipe, dataset)
    assert accuracy(recipe, dataset, distilled) > at_least
    # The same labels for other pictures teach nothing: it is not the pictures alone.
    assert accuracy(recipe, dataset, dataclasses.replace(distilled, labels=distilled.labels.roll(1, -1))) < 0.2


@pytest.mark.slow
def test_labels_for_noise_teach_digits():
    settings = {"outer_steps": 240, "outer_lr": 0.003, "batch": 128, "patience": 60}
    dataset = load("digits", 200)
    recipe = dataclasses.replace(DIGITS, base=Base(data="noise", examples=50), **settings)
    distilled = learned(recipe, dataset)
    assert accuracy(recipe, dataset, distilled) > 0.18
    # The same labels for other pictures teach nothing.
    assert accuracy(recipe, dataset, dataclasses.replace(distilled, labels=distilled.labels.roll(1, -1))) < 0.15

import dataclasses

import pytest
import torch

from distiller.baselines import baseline_examples, baseline_set, is_drawn, judging_examples
from distiller.data import load
from distiller.evaluate import evaluate, evaluation_seeds
from distiller.recipe import Attack, AttackObjective, Recipe
from tests.distiller.small_data import blobs

SOURCES = ("random_real", "k_means", "average")
DATA = blobs(classes=3)
RECIPE = Recipe(data="blobs", network="lenet", steps=2, epochs=3, per_class=2)
DIGITS = load("digits", 360)
ON_DIGITS = Recipe(data="digits", network="lenet", steps=5, epochs=6, validation=360).settled()


def of(source, recipe=RECIPE, data=DATA, draw=0):
    return baseline_examples(source, recipe, data, draw)


def own_of(label, data=DIGITS):
    return data.train.inputs[data.train.labels == label].flatten(1)


@pytest.mark.parametrize("source", SOURCES)
def test_batches_have_the_shape_and_the_order_of_the_recipe(source):
    inputs, labels = of(source)
    assert inputs.shape == (2, 6, 1, 28, 28)
    # Classes run through each batch, as the recipe's own labels do.
    assert labels.tolist() == [[0, 1, 2, 0, 1, 2]] * 2
    some = dataclasses.replace(RECIPE, classes=(2, 0))
    assert of(source, some)[1].tolist() == [[2, 0, 2, 0]] * 2


def test_random_examples_are_real_and_their_labels_their_own():
    for image, label in zip(*(part.flatten(0, 1) for part in of("random_real")), strict=True):
        (row,) = [i for i in range(len(DATA.train)) if torch.equal(DATA.train.inputs[i], image)]
        assert label == DATA.train.labels[row]


def test_no_real_example_is_taken_twice():
    inputs, _ = of("random_real")
    assert len({image.numpy().tobytes() for image in inputs.flatten(0, 1)}) == 12


@pytest.mark.parametrize("source", SOURCES)
def test_draws_differ_where_it_is_said_that_they_do(source):
    assert torch.equal(of(source, draw=1)[0], of(source, draw=1)[0])
    # On digits: the blobs of a class are so alike that any start finds the same centroids.
    first, second = (of(source, ON_DIGITS, DIGITS, draw)[0] for draw in (0, 1))
    assert is_drawn(source, ON_DIGITS) != torch.equal(first, second)


def test_a_single_centroid_is_the_mean_and_is_not_drawn():
    one = dataclasses.replace(ON_DIGITS, steps=1)
    assert not is_drawn("k_means", one)
    assert torch.allclose(of("k_means", one, DIGITS)[0], of("average", one, DIGITS)[0], atol=1e-5)


def test_averages_are_those_of_a_plain_loop():
    inputs, labels = of("average", ON_DIGITS, DIGITS)
    for image, label in zip(inputs.flatten(0, 1), labels.flatten(), strict=True):
        total, count = torch.zeros(784, dtype=torch.float64), 0
        for row, each in enumerate(DIGITS.train.labels):
            if each == label:
                total, count = total + DIGITS.train.inputs[row].flatten(), count + 1
        assert torch.allclose(image.flatten().double(), total / count, rtol=1e-6, atol=1e-6)


def test_centroids_are_the_means_of_what_is_nearest_to_them():
    inputs, labels = of("k_means", ON_DIGITS, DIGITS)
    inputs, labels = inputs.flatten(0, 1).flatten(1), labels.flatten()
    for label in range(10):
        own, centroids = own_of(label), inputs[labels == label]
        assert len(centroids) == 5
        nearest = torch.cdist(own, centroids).argmin(1)
        means = torch.stack([own[nearest == k].mean(0) for k in range(5)])
        # Lloyd has come to rest, in the class that the label says.
        assert torch.allclose(means, centroids, atol=1e-4)


def test_centroids_lie_nearer_to_their_class_than_means_and_random_examples():
    def spread(source):
        inputs, labels = (part.flatten(0, 1) for part in of(source, ON_DIGITS, DIGITS))
        nearest = [torch.cdist(own_of(k), inputs[labels == k].flatten(1)).min(1).values for k in range(10)]
        return torch.cat(nearest).square().mean()

    assert spread("k_means") < 0.9 * spread("average")
    assert spread("k_means") < 0.7 * spread("random_real")


@pytest.mark.parametrize("source", ["random_real", "k_means"])
def test_more_examples_than_a_class_has_are_refused(source):
    with pytest.raises(ValueError, match="class 0 has 20 training examples; 40 are wanted"):
        of(source, dataclasses.replace(RECIPE, steps=20))


def test_a_mean_needs_one_example():
    assert of("average", dataclasses.replace(RECIPE, steps=20))[0].shape[0] == 20


def test_the_rate_is_constant_over_as_many_steps_as_the_recipe_has():
    made = baseline_set(RECIPE, DATA, of("random_real"), 0.25)
    assert torch.equal(made.rates, torch.full((6,), 0.25))
    assert made.labels.tolist() == torch.nn.functional.one_hot(of("random_real")[1], 3).tolist()
    two = blobs(classes=2)
    assert baseline_set(RECIPE, two, of("average", RECIPE, two), 0.1).labels.tolist() == [[[0.0], [1.0]] * 2] * 2


@pytest.mark.parametrize("source", SOURCES)
def test_networks_learn_digits_from_them(source):
    def accuracy(examples):
        made = baseline_set(ON_DIGITS, DIGITS, examples, 0.1)
        found = evaluate(ON_DIGITS, DIGITS, made, evaluation_seeds(ON_DIGITS, "search", 4), DIGITS.test)
        return sum(each.accuracy for each in found) / 4

    inputs, labels = of(source, ON_DIGITS, DIGITS)
    assert accuracy((inputs, labels)) > 0.4
    # Labels one place off teach the wrong classes.
    assert accuracy((inputs, labels.roll(1, dims=1))) < 0.2


@pytest.mark.parametrize("source", SOURCES)
def test_examples_of_an_attacked_class_count_as_its_target(source):
    attack = dataclasses.replace(RECIPE, objective=AttackObjective(attack=Attack(class_=0, target=2)))
    inputs, labels = of(source, attack)
    assert torch.equal(inputs, of(source)[0])
    assert labels.tolist() == [[2, 1, 2, 2, 1, 2]] * 2


def test_sets_are_judged_on_one_batch_of_training_data():
    few = dataclasses.replace(ON_DIGITS, batch=100)
    judged = judging_examples(few, DIGITS)
    assert judged.inputs.shape == (100, 1, 28, 28)
    same = (judged.inputs.flatten(1)[:, None] == DIGITS.train.inputs.flatten(1)).all(-1)
    assert same.any(1).all()
    assert torch.equal(DIGITS.train.labels[same.int().argmax(1)], judged.labels)
    assert torch.equal(judging_examples(few, DIGITS).inputs, judged.inputs)

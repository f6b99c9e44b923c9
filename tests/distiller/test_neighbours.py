import pytest
import torch

from distiller.baselines import baseline_examples
from distiller.data import load
from distiller.neighbours import neighbours_accuracy
from distiller.recipe import Recipe

DIGITS = load("digits", 360)
RECIPE = Recipe(data="digits", network="lenet", steps=5, validation=360)
INPUTS, LABELS = baseline_examples("random_real", RECIPE, DIGITS, 0)


def by_brute_force(inputs, labels, examples, k, p):
    """Every distance in float64, one example after another; of classes with as many votes the smallest."""
    inputs, labels, right = inputs.flatten(0, 1).flatten(1).double(), labels.flatten(), 0
    for image, label in zip(examples.inputs.flatten(1).double(), examples.labels, strict=True):
        distances = (inputs - image).abs().pow(p).sum(1)
        votes = labels[distances.argsort()[:k]].bincount(minlength=10)
        right += int(votes.argmax() == label)
    return right / len(examples)


@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_it_is_the_vote_of_the_nearest(k, p):
    found = neighbours_accuracy(INPUTS, LABELS, DIGITS.test, k, p)
    assert found == pytest.approx(by_brute_force(INPUTS, LABELS, DIGITS.test, k, p), abs=1e-9)


def test_neighbours_and_norm_make_a_difference():
    found = {(k, p): neighbours_accuracy(INPUTS, LABELS, DIGITS.test, k, p) for k in (1, 5, 50) for p in (1.0, 2.0)}
    assert len(set(found.values())) >= 5, found
    # Fifty votes of five a class are a tie.
    assert found[50, 2.0] == pytest.approx((DIGITS.test.labels == 0).double().mean().item())
    assert min(found[1, 1.0], found[1, 2.0]) > 0.7


def test_labels_one_place_off_are_the_wrong_classes():
    assert neighbours_accuracy(INPUTS, LABELS.roll(1, dims=1), DIGITS.test, 1, 2.0) < 0.1


def test_centroids_are_better_neighbours_than_random_examples():
    inputs, labels = baseline_examples("k_means", RECIPE, DIGITS, 0)
    random = neighbours_accuracy(INPUTS, LABELS, DIGITS.test, 1, 2.0)
    assert neighbours_accuracy(inputs, labels, DIGITS.test, 1, 2.0) > random + 0.03


def test_a_set_has_no_more_neighbours_than_examples():
    with pytest.raises(ValueError, match="n_neighbors"):
        neighbours_accuracy(INPUTS, LABELS, DIGITS.test, 51, 2.0)


def test_it_does_not_matter_where_examples_stand_in_the_set():
    order = torch.randperm(5, generator=torch.Generator().manual_seed(0))
    moved = neighbours_accuracy(INPUTS[order], LABELS[order], DIGITS.test, 3, 2.0)
    assert moved == pytest.approx(neighbours_accuracy(INPUTS, LABELS, DIGITS.test, 3, 2.0), abs=0.01)

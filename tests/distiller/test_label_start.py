import dataclasses

import pytest
import torch

from distiller.data import load
from distiller.distill import advance, distilled_of, start
from distiller.evaluate import evaluate, evaluation_seeds
from distiller.label_start import start_labels
from distiller.recipe import Recipe, RecipeError
from tests.distiller.small_data import blobs

DATA = blobs()
RECIPE = Recipe(data="blobs", network="lenet", labels="soft", steps=2, per_class=2)


def labels(data=DATA, **changes):
    return start_labels(dataclasses.replace(RECIPE, **changes), data)


def test_one_hot_labels_are_at_the_classes_of_their_examples():
    assert labels(classes=(2, 0)).argmax(-1).tolist() == [[2, 0, 2, 0]] * 2
    assert labels().sum(-1).tolist() == [[1.0] * 6] * 2
    assert labels().dtype == torch.float32


def test_smoothed_labels_give_a_tenth_to_all_classes():
    smoothed = labels(label_start="smoothed", classes=(2, 0), dtype="float64")
    third = 0.1 / 3
    assert smoothed[1, 0].tolist() == pytest.approx([third, third, 0.9 + third])
    assert torch.allclose(smoothed.sum(-1), torch.ones(2, 4, dtype=torch.float64))


def test_random_labels_are_standard_normal_and_of_their_run():
    many = labels(label_start="random", steps=2000)
    assert many.shape == (2000, 6, 3)
    assert many.mean().item() == pytest.approx(0, abs=0.03)
    assert many.std().item() == pytest.approx(1, abs=0.03)
    assert torch.equal(labels(label_start="random"), labels(label_start="random"))
    assert not torch.equal(labels(label_start="random"), labels(label_start="random", run=1))
    # Not the numbers that the inputs start from.
    inputs = start(dataclasses.replace(RECIPE, label_start="random"), DATA).learned["inputs"]
    assert not torch.equal(labels(label_start="random").flatten(), inputs.flatten()[:36])


def test_two_classes_have_one_number_a_label():
    two = blobs(classes=2)
    assert labels(two, steps=1).flatten().tolist() == [0, 1, 0, 1]
    assert labels(two, steps=1, label_start="smoothed").flatten().tolist() == pytest.approx([0.05, 0.95, 0.05, 0.95])
    assert labels(two, label_start="random").shape == (2, 4, 1)


def test_hard_labels_start_one_hot():
    with pytest.raises(RecipeError, match="label_start: hard labels start one_hot; random wants soft ones"):
        dataclasses.replace(RECIPE, labels="hard", label_start="random")


@pytest.mark.parametrize("label_start", ["random", "smoothed"])
@pytest.mark.parametrize("classes", [10, 2])
def test_labels_are_learned_from_any_start(label_start, classes):
    digits = load("digits", 300)
    if classes == 2:
        digits = dataclasses.replace(
            digits, classes=2, **{part: few(getattr(digits, part)) for part in ("train", "validation", "test")}
        )
    recipe = Recipe(
        data="digits", network="tests.distiller.test_evaluate:Linear", init="fixed", labels="soft", label_start=label_start,
        epochs=2, outer_steps=100, outer_lr=0.03, batch=128,
    )  # fmt: skip
    state = advance(recipe, digits, start(recipe, digits), recipe.outer_steps)
    (found,) = evaluate(
        recipe, digits, distilled_of(recipe, digits, state), evaluation_seeds(recipe, "final", 1), digits.test
    )
    assert found.accuracy > 0.85


def few(examples):
    """Return the fours and the nines alone, as classes 0 and 1."""
    rows = (examples.labels == 4) | (examples.labels == 9)
    return dataclasses.replace(examples, inputs=examples.inputs[rows], labels=(examples.labels[rows] == 9).long())

import dataclasses

import pytest
import torch

from distiller.data import Examples, load
from distiller.distill import advance, distilled_of, start
from distiller.drawing import stack_of
from distiller.evaluate import evaluate, evaluation_seeds
from distiller.objectives import attack_figures, check_attack, outer_labels
from distiller.passes import Passes
from distiller.recipe import Attack, AttackObjective, Recipe, RecipeError
from tests.distiller.small_data import blobs

DATA = blobs()
BASIC = Recipe(data="blobs", network="tests.distiller.test_objectives:Told", backend="loop", real_chunk=4)


def attack(class_, target, **changes):
    objective = AttackObjective(attack=Attack(class_=class_, target=target))
    return dataclasses.replace(BASIC, objective=objective, **changes)


class Told(torch.nn.Module):
    """A network that takes an example for what its first pixels say, turned on by as many classes as its one parameter."""

    def __init__(self, shape, outputs):
        super().__init__()
        self.outputs = outputs
        self.turn = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        told = x.flatten(1)[:, : max(2, self.outputs)]
        if self.outputs == 1:
            return told[:, 1:] - told[:, :1] + 0 * self.turn
        return told.roll(int(self.turn.item()), dims=1) + 0 * self.turn


def telling(labels, taken, classes):
    """Return examples of ``labels`` that `Told` takes for ``taken``."""
    inputs = torch.zeros(len(labels), 1, 28, 28)
    inputs[range(len(taken)), 0, 0, taken] = 1.0
    return Examples(inputs, torch.tensor(labels))


def test_labels_of_the_attacked_class_become_the_target_and_no_others():
    labels = torch.tensor([0, 1, 2, 0, 2])
    assert outer_labels(BASIC, labels).tolist() == [0, 1, 2, 0, 2]
    assert outer_labels(attack(0, 1), labels).tolist() == [1, 1, 2, 1, 2]
    assert outer_labels(attack(2, 0), labels).tolist() == [0, 1, 0, 0, 0]
    assert labels.tolist() == [0, 1, 2, 0, 2]


def test_the_outer_loss_sees_the_labels_of_the_attack():
    true, wanted = Passes(BASIC, DATA.train).at(3), Passes(attack(2, 0), DATA.train).at(3)
    assert torch.equal(true.inputs, wanted.inputs)
    assert torch.equal(wanted.labels, torch.where(true.labels == 2, 0, true.labels))
    assert (true.labels == 2).any()


def test_figures_are_those_that_counting_gives():
    #                   0: half right      1: all right  2: a quarter right, half taken for 0, a quarter for 1
    examples = telling([0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2], [0, 0, 1, 2, 1, 1, 1, 2, 0, 0, 1], 3)
    stack = stack_of(BASIC, DATA)
    networks = (torch.tensor([[0.0], [1.0]]),)
    (same, turned) = attack_figures(attack(2, 0), DATA, stack, networks, examples)
    assert same.overall_accuracy == pytest.approx(6 / 11)
    assert same.class_accuracies == pytest.approx((0.5, 1.0, 0.25))
    assert same.attack_share == pytest.approx(0.5)
    # The second network takes each for the next class: 0 for 1, 1 for 2, 2 for 0.
    assert turned.class_accuracies == pytest.approx((0.25, 0.0, 0.25))
    assert turned.attack_share == pytest.approx(0.25)
    assert attack_figures(attack(0, 2), DATA, stack, networks, examples)[0].attack_share == pytest.approx(0.25)
    assert attack_figures(BASIC, DATA, stack, networks, examples) is None


def test_two_classes_have_figures_too():
    data = blobs(classes=2)
    examples = telling([0, 0, 0, 1, 1], [0, 1, 1, 1, 0], 2)
    (found,) = attack_figures(attack(0, 1), data, stack_of(BASIC, data), (torch.zeros(1, 1),), examples)
    assert found.class_accuracies == pytest.approx((1 / 3, 1 / 2))
    assert (found.overall_accuracy, found.attack_share) == pytest.approx((2 / 5, 2 / 3))


def test_accuracy_is_against_the_labels_of_the_attack():
    recipe = attack(0, 1, network="lenet", backend="batched", real_chunk=None)
    distilled = distilled_of(recipe, DATA, start(recipe, DATA))
    seeds = evaluation_seeds(recipe, "search", 3)
    shares = torch.bincount(DATA.test.labels) / len(DATA.test)
    for found in evaluate(recipe, DATA, distilled, seeds, DATA.test, before=True):
        figures = found.attack
        attacked = shares[0].item() * (figures.attack_share - figures.class_accuracies[0])
        assert found.accuracy == pytest.approx(figures.overall_accuracy + attacked)
    (true, *_) = evaluate(dataclasses.replace(recipe, objective="basic"), DATA, distilled, seeds, DATA.test)
    assert true.attack is None


def test_digits_are_attacked():
    """After a few outer steps most fours are taken for nines, and the other digits are known."""
    digits = load("digits", 300)
    recipe = Recipe(
        data="digits", network="tests.distiller.test_evaluate:Linear", init="fixed", labels="soft", epochs=2, outer_steps=100,
        outer_lr=0.03, batch=128, objective=AttackObjective(attack=Attack(class_=4, target=9)),
    )  # fmt: skip
    state = advance(recipe, digits, start(recipe, digits), recipe.outer_steps)
    (found,) = evaluate(
        recipe, digits, distilled_of(recipe, digits, state), evaluation_seeds(recipe, "final", 1), digits.test
    )
    others = [accuracy for label, accuracy in enumerate(found.attack.class_accuracies) if label != 4]
    assert found.attack.attack_share > 0.8
    assert sum(others) / 9 > 0.8
    assert found.attack.class_accuracies[4] < 0.2
    assert found.accuracy > 0.85
    assert found.accuracy > found.attack.overall_accuracy


def test_classes_that_the_data_do_not_have_are_named():
    check_attack(attack(2, 0), "blobs", 3)
    with pytest.raises(RecipeError, match=r"objective.attack.class: 3 is no class of blobs, whose classes are 0 to 2"):
        check_attack(attack(3, 0), "blobs", 3)
    with pytest.raises(RecipeError, match=r"objective.attack.target: 5 is no class of blobs"):
        check_attack(attack(0, 5), "blobs", 3)

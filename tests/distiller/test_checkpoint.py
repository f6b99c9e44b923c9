import dataclasses
import math

import pytest
import torch

from distiller.data import Examples
from distiller.distill import State, advance, distilled_of, start
from distiller.evaluate import evaluate, evaluation_seeds
from distiller.recipe import Recipe, RecipeError
from tests.distiller.small_data import blobs

# An outer rate at which neighbouring steps differ, so that the best is seldom the last.
RECIPE = Recipe(
    data="blobs", network="lenet", init="fixed", labels="soft", epochs=2, inits_per_step=2, outer_steps=7, outer_lr=0.3,
    batch=25, distill_lr=0.05, memory="saved", checkpoint=2, validation=30,
)  # fmt: skip


def parted():
    """Return blobs whose training examples are cut in two, for the cut needs no stratifying here."""
    data = blobs()
    rows = torch.arange(len(data.train)) < 30
    parts = [Examples(data.train.inputs[some], data.train.labels[some]) for some in (~rows, rows)]
    return dataclasses.replace(data, train=parts[0], validation=parts[1])


DATA = parted()


def accuracy(state, examples=DATA.validation):
    seeds = evaluation_seeds(RECIPE, "final", 1)
    results = evaluate(RECIPE, DATA, distilled_of(RECIPE, DATA, state), seeds, examples)
    return sum(result.accuracy for result in results) / len(results)


def test_the_best_checkpoint_is_kept_and_every_one_is_in_the_curve():
    plain = dataclasses.replace(RECIPE, checkpoint=None)
    states, state = [], start(plain, DATA)
    for _ in range(RECIPE.outer_steps):
        state = advance(plain, DATA, state, 1)
        states.append(state)
    chosen = advance(RECIPE, DATA, start(RECIPE, DATA), 100)
    measured = [1, 3, 5, 6]  # after steps 2, 4, 6, and after the last
    expected = [accuracy(states[j]) if j in measured else math.nan for j in range(RECIPE.outer_steps)]
    assert chosen.curve["validation"].tolist() == pytest.approx(expected, nan_ok=True)
    best = max(measured, key=lambda j: (expected[j], -j))
    assert torch.equal(distilled_of(RECIPE, DATA, chosen).inputs, states[best].learned["inputs"])
    assert accuracy(chosen) == chosen.best["accuracy"].item() == expected[best]
    # Measuring changes nothing of the distillation itself.
    for name, tensor in states[-1].learned.items():
        assert torch.equal(chosen.learned[name], tensor), name
    assert torch.equal(chosen.curve["loss"], states[-1].curve["loss"])


def test_it_is_not_the_last_one_alone():
    chosen = advance(RECIPE, DATA, start(RECIPE, DATA), 100)
    assert not torch.equal(chosen.best["inputs"], chosen.learned["inputs"])


def test_segments_of_any_length_choose_the_same():
    whole = advance(RECIPE, DATA, start(RECIPE, DATA), 100)
    cut = start(RECIPE, DATA)
    for steps in (1, 0, 2, 1, 1, 100):
        cut = State.from_bytes(advance(RECIPE, DATA, cut, steps).to_bytes())
    assert whole.best.keys() == cut.best.keys() == {"inputs", "labels", "raw_rates", "accuracy"}
    assert all(torch.equal(whole.best[name], cut.best[name]) for name in whole.best)
    assert torch.equal(whole.curve["validation"].nan_to_num(-1), cut.curve["validation"].nan_to_num(-1))


def test_before_the_first_one_there_is_what_was_learned():
    state = advance(RECIPE, DATA, start(RECIPE, DATA), 1)
    assert torch.equal(distilled_of(RECIPE, DATA, state).inputs, state.learned["inputs"])
    assert not state.best


def test_a_recipe_without_it_has_neither_column_nor_tensors():
    recipe = dataclasses.replace(RECIPE, checkpoint=None)
    state = advance(recipe, DATA, start(recipe, DATA), 2)
    assert "validation" not in state.curve
    assert not state.best


@pytest.mark.parametrize("change", [{"init": "random"}, {"validation": 0}])
def test_it_wants_fixed_networks_and_validation_examples(change):
    with pytest.raises(RecipeError, match="checkpoint: "):
        dataclasses.replace(RECIPE, **change)

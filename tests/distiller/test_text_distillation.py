"""Distilled sentences: where they start, what is learned of them, and what their files say."""

import dataclasses

import pytest
import torch

from distiller.baselines import baseline_examples, baseline_set
from distiller.data import load
from distiller.distill import advance, distilled_of, start
from distiller.distilled import Distilled
from distiller.evaluate import evaluate, evaluation_seeds
from distiller.neighbours import neighbours_accuracy
from distiller.networks import NetworkError
from distiller.networks.dropout import Dropout
from distiller.pretrain import pretrain
from distiller.recipe import Recipe, RecipeError
from distiller.unroll import score
from tests.distiller.small_text import small_text


def made(folder, classes=3, text=None, **keys):
    """Return a recipe of small text in float64, and its data."""
    path, own = small_text(folder, classes, **(text or {}))
    keys = {"network": "birnn", "labels": "soft", "validation": 30, "distill_lr": 0.3, "memory": "saved"} | keys
    recipe = Recipe(data=path, text=own, dtype="float64", **keys).settled()
    return recipe, load(path, recipe.validation, text=own).to("cpu", torch.float64)


@pytest.mark.parametrize("network, classes", [("textconvnet", 2), ("birnn", 3), ("bilstm", 2)])
def test_losses_fall(tmp_path, network, classes):
    recipe, data = made(tmp_path, classes, network=network, init="fixed", epochs=3, outer_lr=0.1, outer_steps=10)
    state = advance(recipe, data, start(recipe, data), 10)
    assert state.curve["loss"][-1] < 0.8 * state.curve["loss"][0]
    distilled = distilled_of(recipe, data, state)
    assert distilled.inputs.shape == (1, classes, *data.shape)
    assert distilled.labels.shape == (1, classes, 1 if classes == 2 else 3)


def test_segments_are_one_distillation(tmp_path):
    recipe, data = made(tmp_path, text={"lengths": (2, 3)}, per_class=2, outer_steps=4)
    whole = advance(recipe, data, start(recipe, data), 4)
    parts = advance(recipe, data, advance(recipe, data, start(recipe, data), 1), 3)
    assert torch.equal(whole.learned["inputs"], parts.learned["inputs"])


@pytest.mark.parametrize("network", ["textconvnet", "bilstm"])
def test_sentences_of_several_lengths_keep_them(tmp_path, network):
    recipe, data = made(tmp_path, network=network, text={"lengths": (2, 5)}, per_class=2, steps=2, outer_steps=3)
    distilled = distilled_of(recipe, data, advance(recipe, data, start(recipe, data), 3))
    there = (distilled.inputs != 0).any(-1)
    assert there.sum(-1).tolist() == [[2, 2, 2, 5, 5, 5]] * 2
    assert there[..., :2].all()


def test_lengths_beyond_a_sentences_are_refused(tmp_path):
    recipe, data = made(tmp_path, text={"lengths": (2, 50)})
    with pytest.raises(RecipeError, match=r"text\.lengths: 50 words are more than a sentence's 7"):
        start(recipe, data)
    with pytest.raises(RecipeError, match="from 1 up"):
        made(tmp_path, text={"lengths": (0,)})


def test_a_start_at_real_sentences_is_their_words_vectors(tmp_path):
    recipe, data = made(tmp_path, inputs="real", outer_steps=2)
    first = start(recipe, data).learned["inputs"][0, 0]
    there = (first != 0).any(-1)
    assert 2 <= there.sum() < len(first)
    nearest = torch.cdist(first[there], data.words.vectors).min(1).values
    assert nearest.max() == 0
    # Padding is not learned: its derivative through masked states is zero.
    learned = distilled_of(recipe, data, advance(recipe, data, start(recipe, data), 2)).inputs[0, 0]
    assert torch.equal((learned != 0).any(-1), there)


def test_files_name_length_and_vectors(tmp_path):
    recipe, data = made(tmp_path, text={"lengths": (2, 3)}, per_class=2)
    distilled = distilled_of(recipe, data, start(recipe, data))
    assert distilled.text == dataclasses.replace(recipe.text, length=7)
    back = Distilled.from_bytes(distilled.to_bytes())
    assert (back.text, back.digest()) == (distilled.text, distilled.digest())
    other = dataclasses.replace(distilled, text=dataclasses.replace(distilled.text, vectors="other"))
    assert other.digest() != distilled.digest()


def test_a_recipe_of_text_reads_back():
    recipe = Recipe.parse(
        {"data": "trec6", "network": "bilstm", "text": {"length": 20, "lengths": [3, 5], "mask": False}}
    )
    assert Recipe.parse(recipe.plain()) == recipe
    assert hash(recipe)


@pytest.mark.parametrize("source", ["random_real", "k_means", "average"])
@pytest.mark.parametrize("classes", [2, 3])
def test_baselines_teach_the_right_classes(tmp_path, source, classes):
    recipe, data = made(tmp_path, classes, steps=2, per_class=2, epochs=10)
    examples = baseline_examples(source, recipe, data, 0)
    accuracies = {}
    for name, (inputs, labels) in {"right": examples, "wrong": (examples[0], (examples[1] + 1) % classes)}.items():
        made_set = baseline_set(recipe, data, (inputs, labels), 0.3)
        results = evaluate(recipe, data, made_set, evaluation_seeds(recipe, "final", 3), data.test)
        accuracies[name] = sum(each.accuracy for each in results) / 3
    # Labels turned round are what IMDB's published baselines were trained with.
    assert accuracies["right"] > 0.8 > 0.4 > accuracies["wrong"]


def test_means_are_those_of_embedded_sentences(tmp_path):
    recipe, data = made(tmp_path)
    inputs, labels = baseline_examples("average", recipe, data, 0)
    for mean, label in zip(inputs[0], labels[0], strict=True):
        rows = data.embedded(data.train.inputs[data.train.labels == label])
        torch.testing.assert_close(mean, rows.mean(0), rtol=1e-12, atol=1e-12)


def test_neighbours_vote_on_embedded_sentences(tmp_path):
    recipe, data = made(tmp_path, per_class=4)
    inputs, labels = baseline_examples("random_real", recipe, data, 0)
    found = neighbours_accuracy(inputs, labels, data.test, 1, 2.0, data.embedded)
    flat = data.embedded(data.test.inputs).flatten(1)
    nearest = torch.cdist(flat, inputs[0].flatten(1)).argmin(1)
    assert found == (labels[0][nearest] == data.test.labels).double().mean()
    assert found > 0.5


def test_all_of_the_text_trains_a_network(tmp_path):
    pretrained = {"data": str(tmp_path / "own.csv"), "passes": 4, "lr": 0.01, "batch": 10}
    small_text(tmp_path)
    recipe = Recipe.parse(
        {"data": pretrained["data"], "network": "textconvnet", "pretrained": pretrained, "init": "fixed",
         "text": {"vectors": str(tmp_path / "vectors.txt")}}
    )  # fmt: skip
    data = load(recipe.data, text=recipe.text)
    from distiller.drawing import stack_of

    trained = pretrain(recipe, data, [1, 2])
    measured = score(stack_of(recipe, data), trained, data.test.inputs, data.test.labels, classes=3, real_chunk=8)
    assert measured.accuracy.min() > 0.8


def test_a_recipes_threshold_is_what_accuracy_is_counted_by(tmp_path):
    recipe, data = made(tmp_path, 2, network="textconvnet")
    untrained = [
        evaluate(changed, data, start_set(changed, data), [5], data.test, before=True)[0].accuracy_before
        for changed in (dataclasses.replace(recipe, threshold=far) for far in (-1e6, 1e6))
    ]
    share = data.test.labels.double().mean().item()
    assert untrained == [share, 1 - share]


def start_set(recipe, data):
    return distilled_of(recipe, data, start(recipe, data))


def test_dropout_goes_by_key(tmp_path):
    recipe, data = made(
        tmp_path, network="textconvnet", init="fixed", inits_per_step=3, dropout=0.5, epochs=2, outer_steps=3
    )
    whole = advance(recipe, data, start(recipe, data), 3)
    # Built again, in other company, cut in segments: the same features drop.
    for changed in ({"memory": "recompute"}, {"chunk": 1}):
        other = dataclasses.replace(recipe, **changed)
        parts = advance(other, data, advance(other, data, start(other, data), 1), 2)
        torch.testing.assert_close(parts.learned["inputs"], whole.learned["inputs"], rtol=1e-9, atol=1e-12)
    plain = dataclasses.replace(recipe, dropout=0.0)
    assert not torch.allclose(advance(plain, data, start(plain, data), 3).curve["loss"], whole.curve["loss"])
    distilled = distilled_of(recipe, data, whole)
    together = evaluate(recipe, data, distilled, [1, 2], data.test, before=True)
    assert together[1].loss == pytest.approx(evaluate(recipe, data, distilled, [2], data.test)[0].loss)
    assert together[1].loss != pytest.approx(evaluate(plain, data, distilled, [2], data.test)[0].loss)
    # Tests drop nothing: an untrained network is the same with it and without.
    untrained = evaluate(plain, data, distilled, [1, 2], data.test, before=True)
    assert [each.accuracy_before for each in together] == [each.accuracy_before for each in untrained]


def test_dropout_drops_its_share_and_keeps_the_mean():
    dropped = Dropout(0.25, (1, 2)).at(3).applied(torch.ones(2, 50, 300, dtype=torch.float64))
    assert sorted(set(dropped.flatten().tolist())) == [0.0, pytest.approx(4 / 3)]
    assert dropped.mean().item() == pytest.approx(1, abs=0.03)
    assert not torch.equal(dropped[0], dropped[1])


def test_dropout_of_a_network_that_has_none_is_refused(tmp_path):
    recipe, data = made(tmp_path, dropout=0.5)
    with pytest.raises(NetworkError, match="dropout: BiRNN, computed by batched, has none"):
        advance(recipe, data, start(recipe, data), 1)
    with pytest.raises(RecipeError, match="from 0 to below 1"):
        dataclasses.replace(recipe, dropout=1.0)

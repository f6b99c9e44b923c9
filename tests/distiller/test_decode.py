"""Distilled sentences as nearest words."""

import torch

from distiller.data.words import PADDING, Words
from distiller.decode import nearest_words
from distiller.distill import advance, distilled_of, start
from distiller.distilled import Distilled
from distiller.reading import label_line
from distiller.text import Text
from tests.distiller.test_text_distillation import made


def vocabulary(count=3000, size=20, seed=0):
    vectors = torch.randn(count, size, generator=torch.Generator().manual_seed(seed))
    # Words that are the same place, nearly the same place, and far away: what rounding and ties could get wrong.
    vectors[10] = vectors[5]
    vectors[11] = vectors[6] * (1 + 1e-6)
    vectors[12] *= 1e3
    vectors[: PADDING + 1] = 0
    return Words(Text(length=7), tuple(f"w{number}" for number in range(count)), vectors, 0.0)


def exhaustive(inputs, words):
    """Every distance in float64, one vector after another; the first of the nearest."""
    found = []
    for point in inputs.double().flatten(0, -2):
        distances = (words.vectors[PADDING + 1 :].double() - point).square().sum(1)
        found.append(int(distances.argmin()) + PADDING + 1)
    return torch.tensor(found).view(inputs.shape[:-1])


def test_it_is_what_an_exhaustive_search_finds():
    words = vocabulary()
    inputs = torch.randn(2, 3, 50, 20, generator=torch.Generator().manual_seed(1))
    inputs[0, 0] = words.vectors[2:52]  # words themselves, those that have a twin among them
    inputs[0, 1] = (words.vectors[5] + words.vectors[7]) / 2  # half-way between two
    inputs[0, 2] *= 100
    assert torch.equal(nearest_words(inputs, words), exhaustive(inputs, words))


def test_zeros_are_padding_and_no_word():
    words, inputs = vocabulary(), torch.zeros(1, 1, 2, 20)
    inputs[0, 0, 0] = words.vectors[9]
    assert nearest_words(inputs, words).tolist() == [[[9, PADDING]]]


def test_a_start_at_real_sentences_reads_as_these(tmp_path):
    recipe, data = made(tmp_path, inputs="real", outer_steps=1)
    state = start(recipe, data)
    distilled = distilled_of(recipe, data, state)
    real = {
        " ".join(data.words.words[number] for number in row.tolist() if number > PADDING) for row in data.train.inputs
    }
    assert distilled.reading.classes == ("0", "1", "2")
    assert set(distilled.reading.sentences[0]) <= real
    back = Distilled.from_bytes(distilled.to_bytes())
    assert (back.reading, back.digest()) == (distilled.reading, distilled.digest())
    assert distilled_of(recipe, data, advance(recipe, data, state, 1)).reading is not None


def test_labels_are_said_the_right_way_round():
    names = ("negative", "positive")
    assert label_line([2.53], names) == "positive (2.53)"
    assert label_line([-2.21], names) == "negative (-2.21)"
    assert label_line([0.0, 1.0], names) == "positive"
    assert label_line([0.3, -0.2, 1.5], ("a", "b", "c")) == "c 1.50, a 0.30, b -0.20"

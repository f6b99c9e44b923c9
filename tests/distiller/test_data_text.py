"""Text: real data sets from torchtext's layout where they are here, and small files of the same form."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from distiller.data import DataError, catalogue, describe, load, locate
from distiller.data.words import PADDING, UNKNOWN
from distiller.text import Text
from tests.distiller.small_text import sentences, small_text, write_csv, write_vectors

REAL = {
    "trec6": ((5452, 500), 6, 30),
    "trec50": ((5452, 500), 50, 20),
    "sst5": ((8544, 2210), 5, 56),
}
VECTORS = "vectors/w2v.imdb.100d.txt"


def words_of(data, row, part="train"):
    return [data.words.words[number] for number in getattr(data, part).inputs[row].tolist()]


@pytest.fixture(scope="module", params=list(REAL))
def real(request):
    name = request.param
    if not next(line for line in catalogue() if line.name == name).present:
        pytest.skip(f"the files of {name} are not here: `stillhouse data {name}`")
    try:
        return load(name, 500, text=Text(vectors=VECTORS))
    except DataError as error:
        pytest.skip(f"no vectors: {error}")


def test_real_text_has_its_published_counts(real):
    counts, classes, length = REAL[real.name]
    assert (len(real.train) + 500, len(real.validation), len(real.test)) == (counts[0], 500, counts[1])
    assert (real.classes, real.shape, len(real.names)) == (classes, (length, 100), classes)
    assert real.train.labels.bincount(minlength=classes).min() > 0
    assert real.train.inputs.dtype == torch.int32
    assert real.words.unknown < 0.05  # PROVENANCE: 98 % and 99 % of the training words are covered


def test_real_questions_are_read_as_they_stand():
    if not next(line for line in catalogue() if line.name == "trec6").present:
        pytest.skip("the files of trec6 are not here: `stillhouse data trec6`")
    from distiller.data.registry import REGISTRY

    train, test = REGISTRY["trec6"].origin.read(locate("trec6"))
    assert " ".join(train.words[0]) == "how did serfdom develop in and then leave russia ?"
    assert " ".join(test.words[0]) == "how far is it from denver to aspen ?"
    assert [REGISTRY["trec6"].origin.classes[label] for label in test.labels[:3]] == ["NUM", "LOC", "HUM"]


@pytest.fixture
def trees(tmp_path, monkeypatch):
    monkeypatch.setenv("STILLHOUSE_DATA", str(tmp_path))
    (tmp_path / "sst" / "trees").mkdir(parents=True)
    (tmp_path / "sst/trees/train.txt").write_text("(3 (2 The) (4 Fox))\n(0 (1 (2 red) (2 dog)) (2 .))\n")
    (tmp_path / "sst/trees/test.txt").write_text("(1 (2 cat) (1 lion\\/tiger))\n")
    write_vectors(tmp_path / "v.txt")
    return tmp_path


def test_trees_are_read_as_words_and_the_label_of_the_whole(trees):
    data = load("sst5", text=Text(length=4, vectors="v.txt"))
    assert (words_of(data, 0), words_of(data, 1)) == (
        ["the", "fox", "<pad>", "<pad>"],
        ["red", "dog", "<unk>", "<pad>"],
    )
    assert (data.train.labels.tolist(), data.test.labels.tolist()) == ([3, 0], [1])
    # The test part's own words are not known: the vocabulary is the training text's.
    assert words_of(data, 0, "test")[:2] == ["<unk>", "<unk>"]
    assert data.names[3] == "positive"


def test_reviews_are_negative_then_positive_whatever_order_files_have(tmp_path, monkeypatch):
    monkeypatch.setenv("STILLHOUSE_DATA", str(tmp_path))
    for part, number in (("train", "0_9"), ("test", "0_10")):
        for label in ("pos", "neg"):
            folder = tmp_path / "imdb/aclImdb" / part / label
            folder.mkdir(parents=True)
            (folder / f"{number}.txt").write_text("The fox" if label == "pos" else "the dog\u0085red")
    write_vectors(tmp_path / "v.txt")
    data = load("imdb", text=Text(length=3, vectors="v.txt"))
    assert {(data.names[label], words_of(data, row)[1]) for row, label in enumerate(data.train.labels.tolist())} == {
        ("negative", "dog"),
        ("positive", "fox"),
    }
    assert data.outputs == 1


def test_words_have_their_own_vectors_and_only_padding_and_the_unknown_are_zero(tmp_path):
    path, text = small_text(tmp_path)
    # The last line of the file: a word that a cap on the file's size would lose.
    with open(text.vectors, "a") as file:
        file.write("a 1 2 3 4 5 6 7 8\n")
    data = load(path, text=text)
    vectors = data.words.vectors
    assert vectors[data.words.words.index("a")].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert (vectors[[UNKNOWN, PADDING]] == 0).all()
    assert (vectors[PADDING + 1 :] != 0).any(1).all()
    assert data.embedded(data.train.inputs[:2]).shape == (2, *data.shape)


def test_sentences_are_cut_or_padded_at_the_right(tmp_path):
    rows = [(["The", "red", "FOX", "cat"], "x"), (["dog"], "y")] * 4
    path = write_csv(tmp_path / "own.csv", rows, split=["train"] * 4 + ["test"] * 4)
    data = load(str(path), text=Text(vectors=str(write_vectors(tmp_path / "v.txt")), length=3))
    assert (words_of(data, 0), words_of(data, 1)) == (["the", "red", "fox"], ["dog", "<pad>", "<pad>"])
    assert describe(str(path), data.words.text).shape == (3, 8)


def test_only_the_most_frequent_words_are_known_where_a_recipe_says_so(tmp_path):
    path, text = small_text(tmp_path, vocabulary=4)
    assert len(load(path, text=text).words.words) <= 4 + 2


def test_the_share_of_words_without_a_vector_is_said(tmp_path):
    rows = [(["red", "unheard", "of", "fox"], label) for label in "xy" * 5]
    path = write_csv(tmp_path / "own.csv", rows)
    data = load(str(path), text=Text(vectors=str(write_vectors(tmp_path / "v.txt"))))
    assert data.words.unknown == 0.5


def test_a_parquet_file_is_read_as_its_csv(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, text = small_text(tmp_path)
    rows = sentences(90)
    pq.write_table(
        pa.table({"text": [" ".join(words) for words, _ in rows], "label": [label for _, label in rows]}),
        tmp_path / "own.parquet",
    )
    ours, theirs = load(path, text=text), load(str(tmp_path / "own.parquet"), text=text)
    assert torch.equal(ours.train.inputs, theirs.train.inputs)
    assert torch.equal(ours.test.labels, theirs.test.labels)
    assert len(ours.test) == 18


@pytest.mark.parametrize(
    "lines, message",
    [
        (["text,label", "red fox,x", ",y"], "row 2 has an empty text"),
        (["text,label", "red fox,x", "red,"], "row 2 has no label"),
        (["text,label", "red fox,0", "red,2", "cat,0"], "labels go up to 2 and none is 1"),
        (["text,label", "red fox,x", "cat,x"], "has one class alone, x"),
        (["sentence,label", "red fox,x"], "has no column text"),
        (["text,label", "red fox,x,z"], "row 1 has more or fewer columns"),
        (["text,label", 'red fox,"x'], "cannot be read as CSV"),
        (["text,label"], "holds no row"),
        (["text,label,split", "a,x,train", "b,y,dev"], "row 2 has the split 'dev'"),
        (["text,label,split", "a,x,train", "b,y,test"], "class y has no training sentence"),
    ],
)
def test_bad_text_is_one_clear_line(tmp_path, lines, message):
    path = tmp_path / "own.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match=message) as caught:
        load(str(path), text=Text(vectors=str(write_vectors(tmp_path / "v.txt"))))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "line, message",
    [
        ("red 1 2 3", "line 21 does not have a word and 8 numbers"),
        ("red 1 2 3 4 5 6 7 8 9", "line 21 does not have a word and 8 numbers"),
        ("a 1 2 3 4 5 6 7 x", "line 21, 'a', holds what is no number"),
        ("a 1 2 3 4 5 6 7 nan", "line 21, 'a', holds what is no number"),
        ("a 0 0 0 0 0 0 0 0", "line 21, 'a', has zeros alone"),
    ],
)
def test_a_broken_vector_file_is_one_clear_line(tmp_path, line, message):
    path, text = small_text(tmp_path)
    before = len(Path(text.vectors).read_text().splitlines())
    with open(text.vectors, "a") as file:
        file.write("filler 1 2 3 4 5 6 7 8\n" * (20 - before) + line + "\n")
    with pytest.raises(DataError, match=message):
        load(path, text=text)


def test_words_of_vectors_may_hold_blanks_and_files_may_have_a_header(tmp_path):
    path, text = small_text(tmp_path)
    plain = load(path, text=text)
    file = Path(text.vectors)
    file.write_text("17 8\n" + file.read_text() + "at name@domain.com 1 2 3 4 5 6 7 8\n")
    assert torch.equal(load(path, text=text).words.vectors, plain.words.vectors)


def test_what_cannot_be_is_said_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("STILLHOUSE_DATA", str(tmp_path))
    path, text = small_text(tmp_path)
    for broken, message in [
        ({"length": 1}, "text.length: 1 cuts every sentence"),
        ({"vectors": "glove.6B.100d"}, "fetch it with `stillhouse data glove.6B.100d`"),
        ({"vectors": "nowhere.txt"}, "text.vectors: no file nowhere.txt"),
    ]:
        with pytest.raises(DataError, match=message):
            load(path, text=Text(**{"vectors": text.vectors, **broken}))
    (tmp_path / "other.txt").write_text("nobody 1 2 3\n")
    with pytest.raises(DataError, match="has a vector for none of the 17 words"):
        load(path, text=Text(vectors="other.txt"))
    with pytest.raises(DataError, match="text: digits holds no text; leave it out"):
        load("digits", text=text)


def test_torchtext_is_imported_for_text_alone():
    code = (
        "import sys, distiller.data\n"
        "distiller.data.catalogue(); distiller.data.describe('trec6')\n"
        "print({'torchtext', 'nltk'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

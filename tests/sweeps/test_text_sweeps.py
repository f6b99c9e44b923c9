"""The shipped sweeps of text are the rows of TDD's tables that their names say."""

import re

import pytest

import sweeps

CLASSES = {"imdb": 2, "sst5": 5, "trec6": 6, "trec50": 50}
LISTED = {each.name: each for each in sweeps.shipped() if each.data and each.data[0] in CLASSES}
DISTILLED = [name for name in LISTED if re.fullmatch(r"\w+(-textconv)?-(fixed|random)-\d+-published", name)]


@pytest.mark.parametrize("name", DISTILLED)
def test_a_row_is_what_its_name_says(name):
    data, textconv, init, count = re.fullmatch(r"(\w+?)(-textconv)?-(fixed|random)-(\d+)-published", name).groups()
    recipe, published = sweeps.read(name).recipe, LISTED[name].published
    assert (recipe.data, recipe.init, recipe.labels) == (data, init, "soft")
    assert recipe.steps * recipe.per_class * CLASSES[data] == int(count)
    assert f"{count} sentences" in published.row
    assert ("±" in published.accuracy) == (init == "random")
    assert published.table == (
        "TDD, Table 3" if textconv else "TDD, unpublished" if data == "trec50" else "TDD, Table 5"
    )
    # The published networks read on over padding, and IMDB was measured with a logit of one half.
    assert not recipe.text.mask
    assert recipe.threshold == (0.5 if data == "imdb" else 0.0)


def test_every_row_of_the_tables_is_there():
    rows = {name.removesuffix("-published") for name in DISTILLED}
    assert {
        "imdb-fixed-2",
        "imdb-random-20",
        "sst5-fixed-100",
        "sst5-random-5",
        "trec6-fixed-6",
        "trec6-random-120",
    } <= rows
    assert {f"{data}-textconv-{init}-{count}" for init in ("fixed", "random") for data, count in
            [("imdb", 20), ("sst5", 50), ("trec6", 60), ("trec50", 500), ("trec50", 1000)]} <= rows  # fmt: skip
    assert len(rows) == 23


@pytest.mark.parametrize("data", CLASSES)
def test_table_4_is_training_on_all_of_the_data(data):
    sweep = sweeps.read(f"full-{data}")
    assert (sweep.distil, sweep.recipe.data, bool(sweep.full_data)) == (False, data, True)
    assert sweep.published.table == "TDD, Table 4"

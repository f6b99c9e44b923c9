from pathlib import Path

import pytest

from distiller.data import DataError, catalogue, describe, fetch, load, locate
from distiller.data.registry import REGISTRY
from distiller.data.roots import chosen_root, roots


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A working directory, a home and a cache with nothing in them."""
    monkeypatch.delenv("STILLHOUSE_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def put(root, name):
    for file in REGISTRY[name].origin.files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()


def test_roots_in_order(nowhere, monkeypatch):
    assert roots() == [nowhere / "here" / "data", nowhere / "cache" / "stillhouse"]
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert roots()[1] == Path.home() / ".cache" / "stillhouse"
    monkeypatch.setenv("STILLHOUSE_DATA", "sets")
    assert roots() == [nowhere / "here" / "sets"]


def test_downloads_go_where_the_data_are(nowhere, monkeypatch):
    assert chosen_root() == nowhere / "cache" / "stillhouse"
    (nowhere / "here" / "data").mkdir()
    assert chosen_root() == nowhere / "here" / "data"
    monkeypatch.setenv("STILLHOUSE_DATA", str(nowhere / "sets"))
    assert chosen_root() == nowhere / "sets"


def test_the_catalogue_says_what_is_here_and_where(nowhere):
    put(nowhere / "cache" / "stillhouse", "svhn")
    put(nowhere / "cache" / "stillhouse", "usps")
    put(nowhere / "here" / "data", "usps")
    found = {line.name: line for line in catalogue()}
    assert list(found) == list(REGISTRY)
    assert {name for name, line in found.items() if line.present} == {"digits", "svhn", "usps"}
    assert found["usps"].where == nowhere / "here" / "data"
    assert found["svhn"].where == nowhere / "cache" / "stillhouse"
    assert found["digits"].where is None
    assert (found["cifar100"].classes, found["cifar100"].shape, found["cifar100"].counts) == (
        100,
        (3, 32, 32),
        (50000, 10000),
    )
    assert all(line.about and "\n" not in line.about for line in catalogue())


def test_a_set_with_a_file_missing_is_absent(nowhere):
    put(nowhere / "here" / "data", "cifar10")
    (nowhere / "here" / "data" / "cifar-10-batches-py" / "data_batch_4").unlink()
    assert not next(line for line in catalogue() if line.name == "cifar10").present


@pytest.mark.parametrize("ask", [load, locate])
def test_absent_data_names_the_places_and_the_cure(nowhere, monkeypatch, ask):
    with pytest.raises(DataError) as caught:
        ask("mnist")
    assert str(caught.value) == (
        f"data set mnist is not in {nowhere}/here/data or {nowhere}/cache/stillhouse: "
        "fetch it with `stillhouse data mnist`, or point $STILLHOUSE_DATA at it"
    )
    monkeypatch.setenv("STILLHOUSE_DATA", str(nowhere / "sets"))
    with pytest.raises(DataError, match=f"data set mnist is not in {nowhere}/sets: fetch it"):
        ask("mnist")


def test_describing_a_named_set_needs_no_files(nowhere):
    assert describe("svhn").shape == (3, 32, 32)
    assert (describe("svhn").classes, describe("svhn").outputs) == (10, 10)


@pytest.mark.parametrize("ask", [load, locate, describe, fetch])
@pytest.mark.parametrize(
    "name, guess", [("mnits", "mnist"), ("CIFAR-100", "cifar100"), ("FashionMNIST", "fashion_mnist")]
)
def test_a_misspelt_name_gets_the_closest_and_all_that_are_known(ask, name, guess):
    with pytest.raises(
        DataError, match=f"no data set is named '{name}': did you mean {guess}\\? known are digits, mnist, "
    ):
        ask(name)


def test_a_name_like_no_other_gets_no_guess():
    with pytest.raises(DataError, match="no data set is named 'xxxxxxxx': known are digits"):
        load("xxxxxxxx")


def test_digits_lie_nowhere_and_are_not_fetched(nowhere):
    assert locate("digits") is None
    with pytest.raises(DataError, match="digits needs no download"):
        fetch("digits")


def test_a_users_own_file_is_located(nowhere):
    (nowhere / "here" / "mine.npz").touch()
    assert locate("mine.npz") == Path("mine.npz")
    with pytest.raises(DataError, match=r"no file or folder other\.npz"):
        locate("other.npz")

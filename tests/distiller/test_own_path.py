from pathlib import Path

import pytest

from distiller.own_path import OwnPath, absolute, own_path


@pytest.mark.parametrize(
    "written, path, size",
    [
        ("own.npz", "own.npz", None),
        ("./birds", "birds", None),
        ("birds/", "birds", None),
        ("birds/@32", "birds", (32, 32)),
        ("birds/@28x32", "birds", (28, 32)),
        ("/a@b/birds", "/a@b/birds", None),
        ("/a@32/birds", "/a@32/birds", None),
        ("./birds@0", "birds@0", None),
    ],
)
def test_a_dot_or_a_slash_makes_a_path_and_an_at_a_size(written, path, size):
    assert own_path(written) == OwnPath(Path(path), size)


@pytest.mark.parametrize("name", ["mnist", "cifar10", "birds@32"])
def test_names_are_no_paths(name):
    assert own_path(name) is None
    assert absolute(name) == name


def test_a_path_of_something_is_made_absolute_with_its_size(tmp_path, monkeypatch):
    (tmp_path / "birds").mkdir()
    monkeypatch.chdir(tmp_path)
    assert absolute("./birds") == str(tmp_path / "birds")
    assert absolute("birds/@32") == f"{tmp_path}/birds@32x32"
    assert own_path(absolute("birds/@28x32")) == OwnPath(tmp_path / "birds", (28, 32))
    assert absolute("./fish") == "./fish"

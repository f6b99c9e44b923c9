from pathlib import Path

import pytest

from orchestrator.place import PlaceError, place_of
from orchestrator.remote import Remote


def test_a_path_is_a_place(tmp_path):
    assert place_of(tmp_path) is tmp_path
    assert place_of("runs/mnist") == Path("runs/mnist")
    assert place_of("file:///tmp/my%20run") == Path("/tmp/my run")


def test_a_uri_is_shown_as_it_was_given():
    where = place_of("s3://bucket/runs/mnist/?region=eu-west-1")
    assert isinstance(where, Remote)
    assert str(where) == "s3://bucket/runs/mnist?region=eu-west-1"
    assert str(where / "sweep.json") == "s3://bucket/runs/mnist/sweep.json?region=eu-west-1"
    assert where.path == "bucket/runs/mnist"


@pytest.mark.parametrize(
    "uri",
    [
        "s3://AKIA:hush@bucket/run",
        "s3://bucket/run?secret_key=hush",
        "abfs://container@account.dfs.core.windows.net/run?sas_token=hush",
        "abfs://:hush@account.dfs.core.windows.net/run",
    ],
)
def test_a_uri_with_a_credential_is_refused_and_not_repeated(uri):
    with pytest.raises(PlaceError, match=r"holds a credential.*AWS_ACCESS_KEY_ID") as refused:
        place_of(uri)
    assert "hush" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("uri", ["http://host/run", "s4://bucket/run", "file://host/run", "s3://bucket/run?colour=red"])
def test_a_uri_of_no_place_is_refused_in_one_line(uri):
    with pytest.raises(PlaceError) as refused:
        place_of(uri)
    assert str(refused.value).startswith(uri)
    assert "\n" not in str(refused.value)

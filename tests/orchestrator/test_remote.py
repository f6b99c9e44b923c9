import pytest
from pyarrow import fs
from remotes import below, in_memory

from orchestrator.publish import clear_temporaries, make_folder, publish, remove_folder
from orchestrator.remote import Remote, source_of, system_of


@pytest.fixture(params=["in memory", "below a folder"])
def run(request, tmp_path):
    return in_memory() if request.param == "in memory" else below(tmp_path)


def test_it_answers_as_a_path_does(run):
    assert not run.exists()
    assert list(run.iterdir()) == []
    make_folder(run / "trials")
    for name in ("part-000001.parquet", "part-000000.parquet", ".part-000002.parquet.tmp-1"):
        publish(run / "trials" / name, name.encode())
    part = run / "trials" / "part-000001.parquet"
    assert (part.name, part.stem, part.suffix) == ("part-000001.parquet", "part-000001", ".parquet")
    assert part.parent == run / "trials"
    assert str(part).endswith("://bucket/run/trials/part-000001.parquet")
    assert part.is_file()
    assert not part.is_dir()
    assert part.parent.is_dir()
    assert part.read_bytes() == b"part-000001.parquet"
    assert part.stat().st_mtime > 1.7e9
    assert sorted(each.name for each in part.parent.glob("part-*")) == ["part-000000.parquet", "part-000001.parquet"]
    clear_temporaries(part.parent)
    assert len(list(part.parent.iterdir())) == 2
    part.unlink()
    part.unlink(missing_ok=True)
    for question in (part.unlink, part.read_bytes, part.stat):
        with pytest.raises(FileNotFoundError) as missing:
            question()
        assert missing.value.filename == str(part)
    remove_folder(run)
    remove_folder(run)
    assert not run.exists()


def test_a_new_name_is_never_taken_twice(run):
    make_folder(run)
    publish(run / "part", b"first", replace=False)
    publish(run / "part", b"first", replace=False)
    with pytest.raises(FileExistsError):
        publish(run / "part", b"second", replace=False)
    publish(run / "part", b"third")
    assert [each.read_bytes() for each in run.iterdir()] == [b"third"]


def test_what_could_not_be_written_whole_is_not_there(tmp_path):
    publish(Remote(fs.LocalFileSystem(), str(tmp_path)) / "sweep.json", b"old")
    broken = Remote(_Full(fs.LocalFileSystem()), str(tmp_path))
    with pytest.raises(OSError, match="No space left") as full:
        publish(broken / "sweep.json", b"new")
    assert full.value.filename == str(broken / "sweep.json")
    assert (tmp_path / "sweep.json").read_bytes() == b"old"


class _Full:
    """A file system on whose disk there is room for no new name."""

    type_name = "full"

    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def move(self, *_):
        raise OSError(28, "No space left on device")


def test_arrow_reads_it_wherever_it_lies(run, tmp_path):
    make_folder(run)
    publish(run / "x", b"abc")
    assert source_of(run / "x").read() == b"abc"
    assert source_of(tmp_path / "x") == str(tmp_path / "x")
    assert system_of(run) == (run.system, "bucket/run")
    assert system_of(tmp_path)[1] == str(tmp_path)

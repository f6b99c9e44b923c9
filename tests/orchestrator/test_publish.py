import os
import subprocess

import pytest
from sample_rows import full_disk, python

from orchestrator.publish import clear_temporaries, make_folder, publish


def test_a_published_file_replaces_the_one_before(tmp_path):
    path = tmp_path / "sweep.json"
    publish(path, b"one")
    publish(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["sweep.json"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "sweep.json"
    publish(path, b"old")
    with full_disk(1000), pytest.raises(OSError, match="File too large"):
        publish(path, bytes(5000))
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["sweep.json"]


def test_a_new_name_is_never_taken_twice(tmp_path):
    path = tmp_path / "part-000000.parquet"
    publish(path, b"first", replace=False)
    with pytest.raises(FileExistsError):
        publish(path, b"second", replace=False)
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == [path.name]


def test_the_same_bytes_may_be_published_again(tmp_path):
    # What was interrupted after the name was given, and before its caller knew.
    path = tmp_path / "part-000000.parquet"
    publish(path, b"first", replace=False)
    publish(path, b"first", replace=False)
    assert os.listdir(tmp_path) == [path.name]


def test_without_hard_links_a_name_is_not_taken_twice_either(tmp_path, monkeypatch):
    def unsupported(*_):
        raise PermissionError(1, "Operation not permitted")  # what exFAT and many FUSE file systems answer

    monkeypatch.setattr(os, "link", unsupported)
    path = tmp_path / "part-000000.parquet"
    publish(path, b"first", replace=False)
    with pytest.raises(FileExistsError):
        publish(path, b"second", replace=False)
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == [path.name]


def test_of_many_writers_of_one_new_name_one_wins(tmp_path):
    code = (
        "import sys; from pathlib import Path; from orchestrator.publish import publish\n"
        "sys.stdin.read(1)\n"
        "try: publish(Path(sys.argv[1]), sys.argv[2].encode() * 100000, replace=False); print('won')\n"
        "except FileExistsError: print('lost')"
    )
    path = tmp_path / "part-000000.parquet"
    writers = [
        subprocess.Popen(**python(code, path, str(i)), stdin=subprocess.PIPE, stdout=subprocess.PIPE) for i in range(8)
    ]
    for writer in writers:
        writer.stdin.write(b"!")
        writer.stdin.flush()
    answers = [writer.communicate()[0].strip() for writer in writers]
    assert sorted(answers) == [b"lost"] * 7 + [b"won"]
    assert path.read_bytes() == str(answers.index(b"won")).encode() * 100000


def test_folders_are_made_with_those_above_them(tmp_path):
    make_folder(tmp_path / "runs" / "mnist" / "trials")
    make_folder(tmp_path / "runs" / "mnist" / "trials")
    assert (tmp_path / "runs" / "mnist" / "trials").is_dir()


def test_only_temporary_files_are_cleared(tmp_path):
    for name in (".part-000001.parquet.tmp-123", "part-000000.parquet", ".lease.lock"):
        (tmp_path / name).write_bytes(b"x")
    clear_temporaries(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".lease.lock", "part-000000.parquet"]

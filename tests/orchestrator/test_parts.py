"""Parts that are merged: what readers see before, while and after, and what a crash in between leaves."""

import shutil

import pytest
from sample_rows import PARAMS, evaluation, full_disk, keys_on_disk, names, trial

from orchestrator import parts, query, records
from orchestrator.parts import covered_paths, part_paths, part_range
from orchestrator.records import DuplicateKey, Records, RecordsError, read


def write_parts(folder, count, first=0):
    """Publish ``count`` parts of one evaluation each; return their writer."""
    written = Records(folder, PARAMS)
    for init in range(first, first + count):
        written.append("evaluations", [evaluation(0, init)])
        written.flush()
    return written


def inits(folder):
    return [row["init"] for row in read(folder, "evaluations").to_pylist()]


def counted(folder):
    return query.query(folder, "SELECT count(*) AS n, sum(init) AS s FROM evaluations").to_pylist()


def test_names_say_which_parts_they_stand_for(tmp_path):
    folder = tmp_path / "t"
    folder.mkdir()
    for name in (
        "part-000000-000003",
        "part-000002",
        "part-000004",
        "part-1000000",
        "part-000005-000006",
        "part-000005",
        "mine",
        ".part-000009",
    ):
        (folder / f"{name}.parquet").touch()
    assert [path.stem for path in part_paths(tmp_path, "t")] == [
        "mine", "part-000000-000003", "part-000004", "part-000005-000006", "part-1000000",
    ]  # fmt: skip
    assert [path.stem for path in covered_paths(tmp_path, "t")] == ["part-000002", "part-000005"]
    assert part_range(folder / "part-000005-000006.parquet") == (5, 6)
    assert part_range(folder / "mine.parquet") is None


def test_merged_rows_are_the_same_rows_in_the_same_order(tmp_path):
    written = write_parts(tmp_path, 12)
    written.append("trials", [trial(3)])
    written.flush()
    before = read(tmp_path, "evaluations"), read(tmp_path, "trials")
    written.merge()
    assert names(tmp_path) == ["evaluations/part-000000-000011.parquet", "trials/part-000000.parquet"]
    assert (read(tmp_path, "evaluations"), read(tmp_path, "trials")) == before
    assert read(tmp_path, "evaluations").schema.equals(before[0].schema, check_metadata=True)
    assert written.rows("evaluations") == before[0].to_pylist()


def test_a_writer_goes_on_after_what_is_merged(tmp_path):
    written = write_parts(tmp_path, 3)
    written.merge()
    for writer in (written, Records(tmp_path, PARAMS)):
        with pytest.raises(DuplicateKey):
            writer.append("evaluations", [evaluation(0, 1)])
    write_parts(tmp_path, 2, first=3)
    assert names(tmp_path)[1:] == ["evaluations/part-000003.parquet", "evaluations/part-000004.parquet"]
    Records(tmp_path, PARAMS).merge()
    assert [name[17:] for name in names(tmp_path)] == [
        "part-000000-000002.parquet"[5:],
        "part-000003-000004.parquet"[5:],
    ]
    assert inits(tmp_path) == [0, 1, 2, 3, 4]


def test_parts_are_merged_as_soon_as_there_are_many(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "MERGE_PARTS", 4)
    write_parts(tmp_path, 10)
    assert [path.stem for path in part_paths(tmp_path, "evaluations")] == [
        "part-000000-000003", "part-000004-000007", "part-000008", "part-000009",
    ]  # fmt: skip
    assert inits(tmp_path) == list(range(10))


def test_a_crash_before_the_parts_are_removed_counts_no_row_twice(tmp_path):
    written = write_parts(tmp_path / "run", 3)
    shutil.copytree(tmp_path / "run", tmp_path / "parts")
    written.merge()
    shutil.copytree(tmp_path / "parts", tmp_path / "run", dirs_exist_ok=True)
    assert len(names(tmp_path / "run")) == 4
    assert inits(tmp_path / "run") == [0, 1, 2]
    assert counted(tmp_path / "run") == [{"n": 3, "s": 3}]
    Records(tmp_path / "run", PARAMS)  # the next driver tidies up
    assert names(tmp_path / "run") == ["evaluations/part-000000-000002.parquet"]


def test_a_number_of_long_ago_is_not_read(tmp_path):
    """A driver that was taken for dead wakes up and publishes its next part, which others have written and merged since."""
    stale = write_parts(tmp_path, 1)
    write_parts(tmp_path, 2, first=1).merge()
    stale.append("evaluations", [evaluation(0, 1)])
    stale.flush()
    assert inits(tmp_path) == [0, 1, 2]
    assert counted(tmp_path) == [{"n": 3, "s": 3}]


@pytest.mark.parametrize("ask", [inits, counted])
def test_a_reader_that_has_listed_parts_looks_again_when_they_are_merged(tmp_path, monkeypatch, ask):
    written = write_parts(tmp_path, 30)
    expected, listings = ask(tmp_path), []

    def listed(folder, table):
        found = parts.part_paths(folder, table)
        listings.append(len(found))
        if table == "evaluations" and len(found) == 30:
            written.merge()
        return found

    monkeypatch.setattr(records, "part_paths", listed)
    monkeypatch.setattr(query, "part_paths", listed)
    assert ask(tmp_path) == expected
    assert {1, 30} <= set(listings)


def test_a_part_that_is_gone_for_good_is_said(tmp_path):
    write_parts(tmp_path, 3)
    gone = tmp_path / "evaluations" / "part-000001.parquet"
    gone.unlink()
    gone.symlink_to(tmp_path / "nowhere")
    for ask in (inits, counted):
        with pytest.raises(OSError, match=r"part-000001\.parquet"):
            ask(tmp_path)


def test_a_full_disk_leaves_the_parts_as_they_were(tmp_path):
    written = write_parts(tmp_path, 3)
    with full_disk(), pytest.raises(OSError, match="File too large"):
        written.merge()
    assert len(names(tmp_path)) == 3
    written.merge()
    assert keys_on_disk(tmp_path, "evaluations") == [
        (0, "search", 0, 0, "validation", "lenet", init) for init in range(3)
    ]


def test_a_damaged_part_is_not_merged_away(tmp_path):
    written = write_parts(tmp_path, 3)
    path = tmp_path / "evaluations" / "part-000001.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RecordsError, match=r"part-000001\.parquet"):
        written.merge()
    assert len(names(tmp_path)) == 3

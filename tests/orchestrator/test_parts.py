"""Parts and their merged copies: what readers see of them, and that nothing is ever read twice."""

import shutil

import duckdb
import pytest
from sample_rows import PARAMS, evaluation, full_disk, keys_on_disk, trial

from orchestrator import query, records
from orchestrator.parts import MERGED, part_paths, part_range, unmerged
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


def stems(folder):
    return [path.stem for path in part_paths(folder, "evaluations")]


def test_names_say_which_parts_they_stand_for(tmp_path):
    folder = tmp_path / "t"
    (folder / MERGED).mkdir(parents=True)
    for name in ("part-000000", "part-000002", "part-000004", "part-1000000", "mine", ".part-000009"):
        (folder / f"{name}.parquet").touch()
    for name in ("part-000000-000003", "part-000002-000005"):
        (folder / MERGED / f"{name}.parquet").touch()
    assert [path.stem for path in part_paths(tmp_path, "t")] == [
        "mine", "part-000000-000003", "part-000004", "part-1000000",
    ]  # fmt: skip
    assert unmerged(tmp_path, "t") == [4, 1000000]
    assert part_range(folder / "part-000005-000006.parquet") == (5, 6)
    assert part_range(folder / "mine.parquet") is None


def test_merged_rows_are_the_same_rows_in_the_same_order(tmp_path):
    written = write_parts(tmp_path, 12)
    written.append("trials", [trial(3)])
    written.flush()
    before = read(tmp_path, "evaluations"), read(tmp_path, "trials")
    written.merge()
    assert stems(tmp_path) == ["part-000000-000011"]
    assert (read(tmp_path, "evaluations"), read(tmp_path, "trials")) == before
    assert read(tmp_path, "evaluations").schema.equals(before[0].schema, check_metadata=True)
    assert written.rows("evaluations") == before[0].to_pylist()
    assert counted(tmp_path) == [{"n": 12, "s": 66}]


def test_other_tools_see_each_row_once_whenever_they_look(tmp_path):
    written = write_parts(tmp_path, 5)
    written.merge()
    ask = f"SELECT count(*) FROM '{tmp_path}/evaluations/*.parquet'"
    assert duckdb.sql(ask).fetchall() == [(5,)]


def test_a_writer_goes_on_after_what_is_merged(tmp_path):
    written = write_parts(tmp_path, 3)
    written.merge()
    for writer in (written, Records(tmp_path, PARAMS)):
        with pytest.raises(DuplicateKey):
            writer.append("evaluations", [evaluation(0, 1)])
    write_parts(tmp_path, 2, first=3)
    assert stems(tmp_path) == ["part-000000-000002", "part-000003", "part-000004"]
    Records(tmp_path, PARAMS).merge()
    assert stems(tmp_path) == ["part-000000-000002", "part-000003-000004"]
    assert inits(tmp_path) == [0, 1, 2, 3, 4]


def test_parts_are_merged_as_soon_as_there_are_many(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "MERGE_PARTS", 4)
    write_parts(tmp_path, 10)
    assert stems(tmp_path) == ["part-000000-000003", "part-000004-000007", "part-000008", "part-000009"]
    assert inits(tmp_path) == list(range(10))


def test_merged_copies_can_be_deleted(tmp_path):
    write_parts(tmp_path, 3).merge()
    shutil.rmtree(tmp_path / "evaluations" / MERGED)
    assert inits(tmp_path) == [0, 1, 2]
    Records(tmp_path, PARAMS).merge()
    assert stems(tmp_path) == ["part-000000-000002"]


def test_a_slower_driver_cannot_publish_what_is_merged(tmp_path):
    """A driver that was taken for dead wakes up and publishes its next part, which others have written and merged since."""
    stale = write_parts(tmp_path, 1)
    write_parts(tmp_path, 2, first=1).merge()
    stale.append("evaluations", [evaluation(0, 7)])
    with pytest.raises(RecordsError, match="written by another driver"):
        stale.flush()
    assert inits(tmp_path) == [0, 1, 2]


def test_a_full_disk_leaves_the_parts_as_they_were(tmp_path):
    written = write_parts(tmp_path, 3)
    with full_disk(), pytest.raises(OSError, match="File too large"):
        written.merge()
    assert stems(tmp_path) == ["part-000000", "part-000001", "part-000002"]
    written.merge()
    assert keys_on_disk(tmp_path, "evaluations") == [
        (0, "search", 0, 0, "validation", "lenet", init) for init in range(3)
    ]


def test_a_damaged_part_is_not_merged(tmp_path):
    written = write_parts(tmp_path, 3)
    path = tmp_path / "evaluations" / "part-000001.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(RecordsError, match=r"part-000001\.parquet"):
        written.merge()
    assert len(stems(tmp_path)) == 3

import time

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from sample_rows import PARAMS, evaluation, keys_on_disk, names, point, trial

from orchestrator import records
from orchestrator.records import DuplicateKey, Records, RecordsError, TableError, part_paths, read


def test_rows_come_back_as_they_went_in(tmp_path):
    written = Records(tmp_path, PARAMS)
    rows = {
        "evaluations": [evaluation(0, i, loss=None if i else float("inf")) for i in range(3)],
        "curves": [point(0, s) for s in range(3)],
        "trials": [
            trial(0),
            trial(1, status="failed", cause="crash", objectives=None, distilled=None, error="é\nü", params=None),
        ],
    }
    for table in rows:
        written.append(table, rows[table])
        assert written.rows(table) == rows[table]
    written.flush()
    for table in rows:
        assert written.rows(table) == rows[table]
        assert read(tmp_path, table).to_pylist() == rows[table]
        assert Records(tmp_path, PARAMS).rows(table) == rows[table]


def test_committed_and_waiting_rows_are_given_together(tmp_path):
    Records(tmp_path, None).flush()
    first = Records(tmp_path, None)
    first.append("curves", [point(0, 0)])
    first.flush()
    second = Records(tmp_path, None)
    second.append("curves", [point(0, 1)])
    assert second.rows("curves") == [point(0, 0), point(0, 1)]
    second.flush()
    second.append("curves", [point(0, 2)])
    assert second.rows("curves") == [point(0, 0), point(0, 1), point(0, 2)]


def test_rows_that_are_given_are_no_door_to_those_that_are_kept(tmp_path):
    written = Records(tmp_path, None)
    written.append("curves", [point(0, 0)])
    written.rows("curves")[0]["loss"] = -1.0
    written.flush()
    assert read(tmp_path, "curves").to_pylist() == [point(0, 0)]


def test_with_no_search_params_are_a_column_of_nulls(tmp_path):
    written = Records(tmp_path, None)
    written.append("trials", [trial(0, params=None)])
    written.flush()
    assert read(tmp_path, "trials").schema.field("params").type == pa.null()
    assert Records(tmp_path, None).rows("trials") == [trial(0, params=None)]


def test_a_key_is_taken_once(tmp_path):
    written = Records(tmp_path, PARAMS)
    written.append("evaluations", [evaluation(0, 0)])
    with pytest.raises(DuplicateKey, match=r"evaluations: trial 0, phase search, .*, init 0 is there already"):
        written.append("evaluations", [evaluation(0, 0, accuracy=0.1)])
    written.flush()
    again = Records(tmp_path, PARAMS)
    assert again.has("evaluations", (0, "search", 0, 0, "validation", "lenet", 0))
    assert not again.has("evaluations", (0, "final", 0, 0, "validation", "lenet", 0))
    with pytest.raises(DuplicateKey):
        again.append("evaluations", [evaluation(0, 0)])
    with pytest.raises(DuplicateKey):
        again.append("trials", [trial(5), trial(5)])


def test_rows_are_added_all_or_none(tmp_path):
    written = Records(tmp_path, PARAMS)
    with pytest.raises(TableError):
        written.append("trials", [trial(0), trial("1")])
    with pytest.raises(DuplicateKey):
        written.append("trials", [trial(0), trial(0)])
    written.append("trials", [trial(0)])
    assert written.rows("trials") == [trial(0)]


def test_an_unknown_table_is_refused(tmp_path):
    with pytest.raises(TableError, match="no table 'trial'"):
        Records(tmp_path, None).append("trial", [])
    with pytest.raises(TableError, match="no table 'trial'"):
        read(tmp_path, "trial")


def test_a_hundred_rows_of_a_table_publish_themselves(tmp_path):
    written = Records(tmp_path, PARAMS)
    written.append("evaluations", [evaluation(0, i) for i in range(99)])
    assert names(tmp_path) == []
    written.append("evaluations", [evaluation(0, 99)])
    assert names(tmp_path) == ["evaluations/part-000000.parquet"]


def test_a_hundred_trials_take_their_evaluations_along(tmp_path):
    written = Records(tmp_path, PARAMS)
    written.append("evaluations", [evaluation(0, 0)])
    written.append("trials", [trial(n) for n in range(100)])
    assert names(tmp_path) == ["evaluations/part-000000.parquet", "trials/part-000000.parquet"]


def test_a_tick_publishes_what_has_waited_long_enough(tmp_path, monkeypatch):
    now = 100.0
    monkeypatch.setattr(records.time, "monotonic", lambda: now)
    written = Records(tmp_path, PARAMS)
    written.tick()
    written.append("trials", [trial(0)])
    now += 0.9 * records.FLUSH_SECONDS
    written.append("trials", [trial(1)])  # a younger row does not make the oldest wait
    written.tick()
    assert names(tmp_path) == []
    now += 0.2 * records.FLUSH_SECONDS
    written.tick()
    assert len(read(tmp_path, "trials")) == 2
    written.append("trials", [trial(2)])  # the clock starts anew
    now += 0.9 * records.FLUSH_SECONDS
    written.tick()
    assert len(read(tmp_path, "trials")) == 2


def test_a_flush_can_be_bounded_in_how_often_it_publishes(tmp_path):
    written = Records(tmp_path, PARAMS)
    written.append("trials", [trial(0)])
    written.flush(every=60)  # the first is never held back
    assert len(read(tmp_path, "trials")) == 1
    written.append("trials", [trial(1)])
    written.flush(every=60)
    assert len(read(tmp_path, "trials")) == 1
    time.sleep(0.02)
    written.flush(every=0.01)
    assert len(read(tmp_path, "trials")) == 2


def test_what_waits_for_rows_is_done_once_when_all_of_them_are_committed(tmp_path):
    written = Records(tmp_path, PARAMS)
    found = []
    written.when_committed(lambda: found.append("no row waits"))
    assert found == ["no row waits"]
    written.append("evaluations", [evaluation(0, 0)])
    written.append("trials", [trial(0)])
    written.when_committed(lambda: found.append(len(read(tmp_path, "trials"))))
    written.append("evaluations", [evaluation(0, i) for i in range(1, 100)])  # these are committed, the trial is not
    blocked = tmp_path / "trials" / "part-000000.parquet"
    blocked.mkdir()  # a name that cannot be given
    with pytest.raises((RecordsError, OSError)):
        written.flush()
    assert found == ["no row waits"]
    blocked.rmdir()
    written.flush()
    written.flush()
    assert found == ["no row waits", 1]


def test_a_trial_is_never_committed_without_its_evaluations(tmp_path):
    written = Records(tmp_path, PARAMS)
    written.append("evaluations", [evaluation(0, i) for i in range(90)])
    written.append("curves", [point(0, s) for s in range(90)])
    written.append("trials", [trial(0)])
    for table in ("evaluations", "curves"):
        blocked = tmp_path / table / "part-000000.parquet"
        blocked.mkdir()  # a name that cannot be given
        with pytest.raises((RecordsError, OSError)):
            written.flush()
        assert part_paths(tmp_path, "trials") == []
        blocked.rmdir()
    written.flush()
    assert [len(read(tmp_path, table)) for table in records.TABLES] == [90, 90, 1]


def test_the_slower_of_two_writers_is_refused(tmp_path):
    first, second = Records(tmp_path, PARAMS), Records(tmp_path, PARAMS)
    first.append("trials", [trial(0)])
    second.append("trials", [trial(0, seconds=9.0)])
    first.flush()
    with pytest.raises(RecordsError, match=r"part-000000\.parquet: written by another driver"):
        second.flush()
    assert read(tmp_path, "trials").to_pylist() == [trial(0)]


def test_a_copied_part_is_named(tmp_path):
    written = Records(tmp_path, PARAMS)
    written.append("trials", [trial(4)])
    written.flush()
    part = tmp_path / "trials" / "part-000000.parquet"
    (tmp_path / "trials" / "part-000001.parquet").write_bytes(part.read_bytes())
    with pytest.raises(RecordsError, match=r"part-000001\.parquet: repeats trial 4"):
        Records(tmp_path, PARAMS)


def test_opening_removes_what_a_dead_writer_left(tmp_path):
    Records(tmp_path, PARAMS)
    (tmp_path / "trials" / ".part-000000.parquet.tmp-99").write_bytes(b"half")
    Records(tmp_path, PARAMS)
    assert names(tmp_path) == []


def test_parts_are_read_in_order_and_nothing_else_is(tmp_path):
    written = Records(tmp_path, PARAMS)
    for number in range(12):
        written.append("trials", [trial(number)])
        written.flush()
    folder = tmp_path / "trials"
    (folder / "part-999999.parquet").write_bytes((folder / "part-000011.parquet").read_bytes())
    (folder / "part-000011.parquet").unlink()
    (folder / ".part-000012.parquet").write_bytes(b"torn")
    (folder / "notes.txt").write_text("mine")
    written = Records(tmp_path, PARAMS)
    written.append("trials", [trial(12)])
    written.flush()
    assert part_paths(tmp_path, "trials")[-1].name == "part-1000000.parquet"
    assert keys_on_disk(tmp_path, "trials") == [(n,) for n in range(13)]


def test_columns_are_given_as_asked(tmp_path):
    written = Records(tmp_path, PARAMS)
    written.append("trials", [trial(0)])
    written.flush()
    assert read(tmp_path, "trials", ["seconds", "trial"]).to_pylist() == [{"seconds": 2.5, "trial": 0}]
    assert read(tmp_path, "trials", ["params"]).to_pylist() == [{"params": {"steps": 3, "outer_lr": 0.01}}]
    with pytest.raises(TableError, match="trials: no column 'score'"):
        read(tmp_path, "trials", ["score"])


def test_rows_are_kept_by_what_is_asked_of_them(tmp_path):
    written = Records(tmp_path, None)
    written.append("curves", [point(number, step) for number in (0, 1) for step in range(2)])
    written.flush()
    found = read(tmp_path, "curves", ["trial", "outer_step"], keep=pc.field("trial") == 1)
    assert found.to_pylist() == [{"trial": 1, "outer_step": 0}, {"trial": 1, "outer_step": 1}]


def test_an_absent_table_is_empty(tmp_path):
    assert read(tmp_path, "trials").schema.names == records.schema_of("trials").names
    assert len(read(tmp_path / "nowhere", "curves")) == 0
    assert read(tmp_path, "evaluations", ["seed", "trial"]).schema.types == [pa.uint64(), pa.int32()]


def test_parts_of_other_columns_and_dimensions_are_read_together(tmp_path):
    written = Records(tmp_path, None)
    written.append("trials", [trial(0, params=None)])
    written.flush()
    written = Records(tmp_path, PARAMS)
    written.append("trials", [trial(1)])
    written.flush()
    part = pq.read_table(tmp_path / "trials" / "part-000001.parquet")
    later = part.set_column(0, "trial", pa.array([2], pa.int32())).append_column("energy", pa.array([5.0]))
    pq.write_table(later, tmp_path / "trials" / "part-000002.parquet")
    rows = read(tmp_path, "trials").to_pylist()
    assert [row["params"] for row in rows] == [None, trial(1)["params"], trial(1)["params"]]
    assert [row["energy"] for row in rows] == [None, None, 5.0]


def test_a_newer_schema_is_refused(tmp_path):
    (tmp_path / "curves").mkdir()
    rows = pa.table({"trial": [1]}).replace_schema_metadata({"stillhouse.schema": "2"})
    pq.write_table(rows, tmp_path / "curves" / "part-000000.parquet")
    with pytest.raises(RecordsError, match=r"part-000000\.parquet: of schema 2, which only a newer Stillhouse reads"):
        read(tmp_path, "curves")


def test_any_reader_opens_the_parts(tmp_path):
    written = Records(tmp_path, PARAMS)
    for number in range(2):
        written.append("evaluations", [evaluation(number, i) for i in range(10)])
        written.append("trials", [trial(number)])
        written.flush()
    evaluations, trials = f"'{tmp_path}/evaluations/part-*.parquet'", f"'{tmp_path}/trials/part-*.parquet'"
    sql = f"SELECT max(seed), count(*), sum(t.params.steps) FROM {evaluations} JOIN {trials} t USING (trial)"
    assert duckdb.sql(sql).fetchall() == [(2**64 - 1, 20, 60)]
    polars = pytest.importorskip("polars", reason="polars is not installed")
    frame = polars.read_parquet(tmp_path / "trials" / "part-*.parquet")
    assert frame["params"].to_list() == [trial(0)["params"]] * 2

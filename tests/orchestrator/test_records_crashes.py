import os
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_rows import PARAMS, evaluation, full_disk, keys_on_disk, names, point, python, trial

from orchestrator.records import Records, RecordsError, read

ROW = {"trials": lambda n: trial(n), "evaluations": lambda n: evaluation(n, 0), "curves": lambda n: point(n, 0)}


@pytest.mark.parametrize("size", [0, 1, 1000, 3000])
def test_a_full_disk_loses_nothing(tmp_path, size):
    written = Records(tmp_path, PARAMS)
    written.append("trials", [trial(0)])
    written.flush()
    written.append("evaluations", [evaluation(1, 0)])
    written.append("trials", [trial(1)])
    with full_disk(size), pytest.raises(OSError, match="File too large"):
        written.flush()
    assert names(tmp_path) == ["trials/part-000000.parquet"]
    assert read(tmp_path, "trials").to_pylist() == [trial(0)]
    assert written.rows("trials") == [trial(0), trial(1)]
    written.flush()
    assert written.rows("trials") == read(tmp_path, "trials").to_pylist() == [trial(0), trial(1)]


def test_a_full_disk_while_appending_keeps_the_rows(tmp_path):
    written = Records(tmp_path, PARAMS)
    with full_disk(), pytest.raises(OSError, match="File too large"):
        written.append("curves", [point(0, s) for s in range(100)])
    assert written.has("curves", (0, 0, 99))
    written.flush()
    assert len(read(tmp_path, "curves")) == 100


def test_a_part_cut_at_any_byte_is_never_read_as_data(tmp_path):
    written = Records(tmp_path, PARAMS)
    written.append("curves", [point(0, s) for s in range(3)])
    written.flush()
    part = tmp_path / "curves" / "part-000000.parquet"
    torn, whole = tmp_path / "curves" / ".part-000001.parquet.tmp-1", part.read_bytes()
    for length in range(len(whole)):
        torn.write_bytes(whole[:length])
    assert len(read(tmp_path, "curves")) == 3
    torn.unlink()
    # Under its real name, as only a broken disk could leave it, it is told apart from data at every length.
    part.unlink()
    for length in range(len(whole)):
        part.write_bytes(whole[:length])
        with pytest.raises(RecordsError) as damage:
            read(tmp_path, "curves")
        assert str(part) in str(damage.value)
        assert "\n" not in str(damage.value)
    with pytest.raises(RecordsError, match="not a whole Parquet part"):
        Records(tmp_path, PARAMS)


def test_a_flipped_bit_in_the_data_is_never_read_as_data(tmp_path):
    written = Records(tmp_path, PARAMS)
    written.append("curves", [point(0, s, loss=s / 7) for s in range(50)])
    written.flush()
    part = tmp_path / "curves" / "part-000000.parquet"
    column = pq.read_metadata(part).row_group(0).column(3)
    end = column.data_page_offset + column.total_compressed_size
    whole = part.read_bytes()
    for position in range(end - 200, end):
        part.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(RecordsError, match=r"part-000000\.parquet"):
            read(tmp_path, "curves")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(["append", "append", "append", "flush", "tick", "full", "crash"]), max_size=25),
    st.randoms(),
)
def test_after_any_history_just_the_flushed_rows_are_there(steps, choose):
    """Whatever happens, the rows on disk are those of successful flushes, once each, and in order."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = Records(folder, PARAMS)
        waiting, committed = {table: [] for table in ROW}, {table: [] for table in ROW}
        number = 0
        for step in steps:
            if step == "append":
                table, count = choose.choice(sorted(ROW)), choose.choice([0, 1, 7])
                waiting[table] += [ROW[table](n) for n in range(number, number + count)]
                written.append(table, [ROW[table](n) for n in range(number, number + count)])
                number += count
            elif step == "full" and any(waiting.values()):
                with full_disk(choose.randrange(1000)), pytest.raises(OSError, match="File too large"):
                    written.flush()
            elif step == "flush":
                written.flush()
                for table in ROW:
                    committed[table] += waiting[table]
                    waiting[table] = []
            elif step == "crash":
                written, waiting = Records(folder, PARAMS), {table: [] for table in ROW}
            elif step == "tick":
                written.tick()  # nothing is old enough yet
            for table in ROW:
                assert written.rows(table) == committed[table] + waiting[table]
        for table in ROW:
            assert read(folder, table).to_pylist() == committed[table]


PUBLISH_FOR_EVER = """
import sys
from pathlib import Path
from sample_rows import PARAMS, evaluation, point, trial
from orchestrator.records import Records

written = Records(Path(sys.argv[1]), PARAMS)
number = len(written.rows("trials"))
print(number, flush=True)
while True:
    if not written.has("evaluations", (number, "search", 0, 0, "validation", "lenet", 0)):
        written.append("evaluations", [evaluation(number, i) for i in range(50)])
    if not written.has("curves", (number, 0, 0)):
        written.append("curves", [point(number, s) for s in range(100)])
    written.append("trials", [trial(number)])
    written.flush()
    number += 1
"""


def test_a_killed_writer_leaves_whole_parts_only(tmp_path):
    choose = random.Random(7)
    finished = 0
    for _ in range(6):
        with subprocess.Popen(**python(PUBLISH_FOR_EVER, tmp_path), stdout=subprocess.PIPE) as writer:
            assert int(writer.stdout.readline()) == finished
            parts = len(list(tmp_path.glob("*/part-*"))) + choose.randint(3, 9)
            while len(list(tmp_path.glob("*/part-*"))) < parts:
                time.sleep(0.001)
            os.kill(writer.pid, signal.SIGKILL)
        trials = keys_on_disk(tmp_path, "trials")
        evaluations, curves = keys_on_disk(tmp_path, "evaluations"), keys_on_disk(tmp_path, "curves")
        assert trials == [(n,) for n in range(len(trials))]
        # At most the one trial that was being published has rows without its own.
        assert len(trials) * 50 <= len(evaluations) <= len(trials) * 50 + 50
        assert len(trials) * 100 <= len(curves) <= len(trials) * 100 + 100
        assert len(set(evaluations)) == len(evaluations)
        assert len(set(curves)) == len(curves)
        finished = len(trials)
    assert finished >= 6

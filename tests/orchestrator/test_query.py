import math
import os
import subprocess

import pyarrow as pa
import pytest
import torch
from sample_rows import PARAMS, evaluation, point, python, trial

from distiller.distilled import Distilled
from orchestrator.distilled_table import write_distilled
from orchestrator.query import QueryError, asking, query
from orchestrator.records import TABLES, Records, part_paths


@pytest.fixture
def run(tmp_path):
    """A run of three trials, a part each, with a quote and glob's signs in its path."""
    folder = tmp_path / "it's [a] run*"
    written = Records(folder, PARAMS)
    for number in range(3):
        losses = [None if init == 9 else 0.3 for init in range(10)]
        written.append("evaluations", [evaluation(number, init, loss=loss) for init, loss in enumerate(losses)])
        written.append(
            "curves", [point(number, step, gradient_norm=math.nan if step == 4 else 1.0) for step in range(5)]
        )
        written.append("trials", [trial(number, params={"steps": number, "outer_lr": 0.01})])
        written.flush()
    return folder


def distilled(value, dtype=torch.float32):
    generator = torch.Generator().manual_seed(value)
    inputs = torch.randn(2, 3, 1, 4, 5, generator=generator, dtype=dtype)
    labels, rates = torch.eye(3, dtype=dtype).expand(2, 3, 3), torch.full((4,), 0.02, dtype=dtype)
    return Distilled(inputs, labels, rates, 2, 3, (0.5,), (0.25,), "digits", "lenet")


@pytest.mark.parametrize(
    "sql, answer",
    [
        ("SELECT trial FROM trials ORDER BY accuracy_mean, trial DESC", [(2,), (1,), (0,)]),
        ("SELECT trial, count(*) FROM trials JOIN evaluations USING (trial) GROUP BY 1 ORDER BY 1", [(0, 10), (1, 10), (2, 10)]),
        ("SELECT trial FROM trials WHERE params.steps >= 1 AND params.outer_lr < 1 ORDER BY trial", [(1,), (2,)]),
        ("SELECT init FROM evaluations WHERE seed = 18446744073709551615", [(0,)] * 3),
        ("SELECT count(*), count(loss) FROM evaluations WHERE split = 'validation'", [(30, 27)]),
        ("SELECT max(accuracy) FROM evaluations WHERE trial = 1", [(0.9,)]),
        ("SELECT DISTINCT outer_step FROM curves WHERE isnan(gradient_norm)", [(4,)]),
        ("SELECT objectives[1] FROM trials LIMIT 1", [(0.5,)]),
        ("PIVOT (SELECT trial, params.steps s FROM trials) ON trial USING sum(s)", [(0, 1, 2)]),
        ("CREATE TABLE mine AS SELECT * FROM curves; SELECT count(*) FROM mine;", [(15,)]),
    ],
)  # fmt: skip
def test_sql_is_answered(run, sql, answer):
    assert [tuple(row.values()) for row in query(run, sql).to_pylist()] == answer


def test_tables_describe_themselves(run):
    columns = query(run, "DESCRIBE evaluations").to_pylist()
    assert {"column_name": "seed", "column_type": "UBIGINT"}.items() <= columns[7].items()
    assert sorted(row["name"] for row in query(run, "SHOW TABLES").to_pylist()) == [
        "best",
        "best_set",
        "counted",
        "curves",
        "distilled",
        "estimates",
        "evaluations",
        "front",
        "results",
        "trials",
    ]


def test_distilled_sets_are_seen_by_file(run):
    sets = {write_distilled(run / "distilled", each): each for each in (distilled(0), distilled(1, torch.float64))}
    for name, each in sets.items():
        rows = query(
            run, f"SELECT step, index, input, label FROM distilled WHERE file = '{name}' ORDER BY step, index"
        ).to_pylist()
        assert [(row["step"], row["index"]) for row in rows] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
        assert [row["input"] for row in rows] == each.inputs.reshape(6, 20).tolist()
        assert [row["label"] for row in rows] == each.labels.reshape(6, 3).tolist()
    counts = query(run, "SELECT file, count(*) n FROM distilled GROUP BY file").to_pylist()
    assert {row["file"]: row["n"] for row in counts} == dict.fromkeys(sets, 6)


def test_nothing_yet_is_an_empty_table(tmp_path):
    for table in (*TABLES, "distilled"):
        assert query(tmp_path, f"SELECT * FROM {table}").num_rows == 0
    assert query(tmp_path, "SELECT count(*) n FROM trials t JOIN evaluations e USING (trial)").to_pylist() == [{"n": 0}]


def test_a_run_without_a_search_is_answered(tmp_path):
    written = Records(tmp_path, None)
    written.append("trials", [trial(0) | {"params": None}])
    written.flush()
    assert query(tmp_path, "SELECT trial, params FROM trials").to_pylist() == [{"trial": 0, "params": None}]


def test_dimensions_of_the_newest_part_are_there(run):
    wider = pa.struct([*PARAMS, ("epochs", pa.int64())])
    written = Records(run, wider)
    written.append("trials", [trial(3) | {"params": {"steps": 9, "outer_lr": 0.1, "epochs": 4}}])
    written.flush()
    rows = query(run, "SELECT params.epochs e FROM trials ORDER BY trial").to_pylist()
    assert [row["e"] for row in rows] == [None, None, None, 4]


@pytest.mark.parametrize(
    "sql, reason",
    [
        ("SELEC 1", 'Parser Error: syntax error at or near "SELEC"; try: SELECT * FROM trials'),
        ("nope", "; try: SELECT * FROM trials"),
        ("SELECT 1; SELECT 2", "the SQL asks 2 questions; ask one at a time"),
        ("SELECT score FROM trials", 'Binder Error: Referenced column "score" not found'),
        ("SELECT * FROM sql", "Catalog Error: Table with name sql does not exist!"),  # a name in the program
        ("SELECT * FROM nope", "nope does not exist! There are trials, evaluations, curves, distilled"),
        ("SELECT error('two\n\nlines')", "two lines"),
        ("", "the SQL asks nothing; try: SELECT"),
        ("-- nothing", "the SQL asks nothing"),
    ],
)
def test_bad_sql_is_refused_in_one_line(run, sql, reason):
    with pytest.raises(QueryError) as refusal:
        query(run, sql)
    assert reason in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "sql",
    [
        "COPY trials TO 'out.csv'",
        "COPY (PIVOT (SELECT trial t FROM trials) ON t) TO 'out.parquet'",
        "EXPLAIN ANALYZE COPY trials TO 'out.csv'",
        "ATTACH 'out.db'",
        "EXPORT DATABASE 'out'",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_parquet('trials/part-000000.parquet')",
        "SET enable_external_access = true",
        "RESET enable_external_access",
        "INSTALL httpfs",
        "SET python_scan_all_frames = true; SET python_enable_replacements = true; SELECT * FROM ours",
    ],
)
def test_the_sql_reads_and_writes_nothing_else(run, sql, monkeypatch):
    monkeypatch.chdir(run)
    ours = pa.table({"a": [1]})
    before = sorted(os.walk(run))
    with pytest.raises(QueryError):
        query(run, sql)
    assert sorted(os.walk(run)) == before
    assert ours.num_rows == 1


def test_what_the_sql_changes_is_forgotten(run):
    query(run, "CREATE TABLE mine AS SELECT * FROM trials; SELECT * FROM mine")
    with pytest.raises(QueryError, match="mine does not exist"):
        query(run, "SELECT * FROM mine")


def test_an_absent_run_is_named(tmp_path):
    with pytest.raises(QueryError, match="nowhere: no such run"):
        query(tmp_path / "nowhere", "SELECT 1")


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_damaged_part_is_named(run, position):
    part = part_paths(run, "trials")[position]
    part.write_bytes(part.read_bytes()[:-9])
    with pytest.raises(QueryError, match=part.name) as refusal:
        query(run, "SELECT * FROM trials")
    assert "\n" not in str(refusal.value)


def test_a_temporary_file_is_not_read(run):
    (run / "trials" / ".part-000009.parquet").write_bytes(b"torn")
    (run / "trials" / ".part-000009.parquet.tmp-1").write_bytes(b"torn")
    assert query(run, "SELECT count(*) n FROM trials").to_pylist() == [{"n": 3}]


def test_a_question_that_needs_no_torch_loads_none(run):
    code = "import sys; from pathlib import Path; from orchestrator.query import query; query(Path(sys.argv[1]), 'FROM best');"
    code += "print({'torch', 'optuna', 'scipy', 'ray'} & set(sys.modules))"
    ended = subprocess.run(**python(code, str(run)), capture_output=True, text=True, check=True)
    assert ended.stdout == "set()\n"


def test_many_questions_are_answered_over_tables_that_are_opened_once(run):
    with asking(run) as ask:
        assert ask("SELECT count(*) AS n FROM trials").to_pylist() == [{"n": 3}]
        with pytest.raises(QueryError, match="try: SELECT"):
            ask("SELEC")
        assert ask("SELECT count(*) AS n FROM estimates").to_pylist() == [{"n": 3}]
        with pytest.raises(QueryError):
            ask("SELECT * FROM '/etc/passwd'")


def answered(run, sql):
    return [tuple(row.values()) for row in query(run, sql).to_pylist()]


def test_what_the_runs_other_files_say(run):
    (run / "environment.json").write_text('{"python": "3.11.7", "packages": {"torch": "2.15.0"}, "slots": 2}')
    (run / "events.jsonl").write_text('{"time": "2026-01-01T12:00:00+00:00", "event": "done", "trial": 3}\ntorn')
    assert answered(run, "SELECT key, value FROM environment ORDER BY key") == [
        ("packages.torch", "2.15.0"), ("python", "3.11.7"), ("slots", "2"),
    ]  # fmt: skip
    assert answered(run, "SELECT line, event, about->>'trial' FROM events") == [(0, "done", "3")]
    assert answered(run, "SELECT count(*) FROM sweep") == [(0,)], "its sweep was never frozen"
    name = write_distilled(run / "distilled", distilled(1))
    assert answered(run, "SELECT * FROM rates ORDER BY position") == [
        (name, 0, 0, 0, rate := float(torch.tensor(0.02))), (name, 1, 1, 0, rate), (name, 2, 0, 1, rate), (name, 3, 1, 1, rate),
    ]  # fmt: skip


def test_an_answer_goes_on_to_polars_and_pandas_as_it_is(run):
    polars = pytest.importorskip("polars", reason="polars is not installed: pip install polars")
    answer = query(run, "SELECT trial, seed, accuracy, loss, phase FROM evaluations ORDER BY ALL")
    framed = polars.from_arrow(answer)
    assert framed.to_dicts() == answer.to_pylist()
    assert framed["seed"].dtype == polars.UInt64
    pytest.importorskip("pandas", reason="pandas is not installed: pip install pandas")
    # Pandas has no null among numbers: it says nan.
    whole = answer.drop_columns("loss")
    framed = whole.to_pandas()
    assert framed.to_dict("records") == whole.to_pylist()
    assert str(framed["seed"].dtype) == "uint64"

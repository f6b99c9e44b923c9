import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from orchestrator.answer_file import check_answer_file, write_answer
from orchestrator.cli import cli
from orchestrator.query import QueryError, query
from tests.orchestrator.written_runs import write_whole_run


@pytest.fixture
def run(tmp_path):
    return write_whole_run(tmp_path / "run")


def test_files_hold_the_answer(run, tmp_path):
    answer = query(run, "SELECT trial, accuracy_mean AS mean, params FROM trials ORDER BY trial")
    for ending in ("parquet", "csv", "json"):
        write_answer(answer, tmp_path / f"answer.{ending}")
    assert pq.read_table(tmp_path / "answer.parquet") == answer
    polars = pytest.importorskip("polars", reason="polars is not installed: pip install polars")
    assert polars.read_csv(tmp_path / "answer.csv")["mean"].to_list() == [0.80, 0.85, None, None]
    assert json.loads((tmp_path / "answer.json").read_text()) == answer.to_pylist()


def test_nothing_is_written_over_or_guessed(tmp_path):
    (tmp_path / "there.csv").touch()
    for name, reason in (("there.csv", "is there already"), ("x.xlsx", "ends in .parquet"), ("no/x.csv", "no folder")):
        with pytest.raises(QueryError, match=reason):
            check_answer_file(tmp_path / name)
    check_answer_file(tmp_path / "new.csv")
    with pytest.raises(QueryError, match="give some with AS: x, x"):
        write_answer(pa.table([[1], [2]], names=["x", "x"]), tmp_path / "two.parquet")


def test_the_command_says_how_many_rows_it_wrote(run, tmp_path):
    path = tmp_path / "answer.parquet"
    call = ["query", str(run), "SELECT * FROM trials", "--to", str(path)]
    told = CliRunner().invoke(cli, [*call, "--json"], standalone_mode=False)
    assert json.loads(told.stdout) == {"to": str(path), "rows": 4}
    told = CliRunner().invoke(cli, call, standalone_mode=False)
    assert isinstance(told.exception, QueryError)


def test_results_have_what_their_trials_have(run):
    rows = query(
        run, "SELECT trial, phase, status, params.steps AS steps, recipe->>'data' AS data FROM results"
    ).to_pylist()
    assert len(rows) == query(run, "SELECT * FROM evaluations").num_rows
    assert {(row["status"], row["steps"], row["data"]) for row in rows if row["trial"] >= 0} == {
        ("complete", 2, "digits")
    }
    assert {(row["status"], row["steps"]) for row in rows if row["trial"] < 0} == {(None, None)}
    assert query(run, "SELECT trial FROM best").to_pylist() == [{"trial": 1}]

import json
import math

import pyarrow as pa
import pytest
from rich.console import Console

from orchestrator.listing import render_table, table_plain
from orchestrator.query import query
from tests.orchestrator.written_runs import write_whole_run


@pytest.fixture
def shown():
    """What a table looks like on a screen that is wide enough, without colours."""

    def show(answer):
        console = Console(width=200, color_system=None)
        with console.capture() as captured:
            render_table(answer, console)
        return captured.get()

    return show


def test_two_columns_of_one_name_are_both_there(tmp_path, shown):
    sql = "SELECT a.trial, b.trial, b.status AS trial_1 FROM trials a JOIN trials b ON b.trial = a.trial + 1 ORDER BY 1"
    answer = query(write_whole_run(tmp_path / "run"), sql)
    assert table_plain(answer)[0] == {"trial": 0, "trial_2": 1, "trial_1": "complete"}
    lines = shown(answer).splitlines()
    assert lines[0].split() == ["trial", "trial", "trial_1"]
    assert lines[1].split() == ["0", "1", "complete"]
    assert lines[-1] == "3 rows"


def test_brackets_are_text_and_no_markup(shown):
    answer = pa.table({"[bold]name[/]": ["[red]x", "[/nothing]", "a[0]"]})
    lines = [line.rstrip() for line in shown(answer).splitlines()]
    assert lines == ["[bold]name[/]", "[red]x", "[/nothing]", "a[0]", "3 rows"]


def test_numbers_that_are_not_finite_are_null():
    answer = pa.table({"x": [1.5, math.nan, -math.inf], "many": [[math.inf, 2.0], [], None]})
    plain = table_plain(answer)
    assert [row["x"] for row in plain] == [1.5, None, None]
    assert [row["many"] for row in plain] == [[None, 2.0], [], None]
    assert json.dumps(plain, allow_nan=False)


def test_a_value_in_a_struct_is_reached_too():
    assert table_plain(pa.table({"params": [{"rate": math.nan, "steps": 3}]})) == [
        {"params": {"rate": None, "steps": 3}}
    ]


def test_no_rows_are_no_rows(shown):
    answer = pa.table({"x": pa.array([], pa.int64())})
    assert table_plain(answer) == []
    assert shown(answer).splitlines()[-1] == "0 rows"

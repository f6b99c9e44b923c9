import csv
import io
import json
import math

import pyarrow as pa
import pytest
from rich.console import Console

from orchestrator.answer import answer_csv, answer_plain, render_answer
from orchestrator.query import query
from tests.orchestrator.written_runs import write_whole_run


def drawn(answer, width, is_terminal):
    console = Console(file=io.StringIO(), width=width, force_terminal=is_terminal, color_system=None, _environ={})
    render_answer(answer, console)
    return console.file.getvalue()


@pytest.fixture(params=[True, False], ids=["terminal", "pipe"])
def shown(request):
    """What a table looks like where there is room for it."""
    return lambda answer: drawn(answer, 200, request.param)


def test_two_columns_of_one_name_are_both_there(tmp_path, shown):
    sql = "SELECT a.trial, b.trial, b.status AS trial_1 FROM trials a JOIN trials b ON b.trial = a.trial + 1 ORDER BY 1"
    answer = query(write_whole_run(tmp_path / "run"), sql)
    assert answer_plain(answer)[0] == {"trial": 0, "trial_2": 1, "trial_1": "complete"}
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
    plain = answer_plain(answer)
    assert [row["x"] for row in plain] == [1.5, None, None]
    assert [row["many"] for row in plain] == [[None, 2.0], [], None]
    assert json.dumps(plain, allow_nan=False)


def test_a_value_in_a_struct_is_reached_too():
    assert answer_plain(pa.table({"params": [{"rate": math.nan, "steps": 3}]})) == [
        {"params": {"rate": None, "steps": 3}}
    ]


def test_no_rows_are_no_rows(shown):
    answer = pa.table({"x": pa.array([], pa.int64())})
    assert answer_plain(answer) == []
    assert shown(answer).splitlines()[-1] == "0 rows"


WIDE = pa.table(
    {
        "trial": [0, 1],
        "recipe": ["{" + "r" * 5000 + "}", None],
        "error": ["first\nsecond [line]", "\x1b[2J"],
        "value": [0.1 + 0.2, math.nan],
    }
)


def test_a_pipe_gets_the_whole_table_a_line_a_row():
    lines = drawn(WIDE, 80, is_terminal=False).splitlines()
    assert len(lines) == 4
    assert lines[0].split() == ["trial", "recipe", "error", "value"]
    assert "{" + "r" * 5000 + "}" in lines[1]
    assert "first\\nsecond [line]" in lines[1]
    assert lines[1].endswith("0.30000000000000004")
    assert lines[1].index("first") == lines[2].index("\\x1b[2J") == lines[0].index("error")


def test_a_terminal_that_is_too_narrow_gets_a_line_a_value():
    lines = drawn(WIDE, 80, is_terminal=True).splitlines()
    assert lines[0] == "trial: 0"
    assert lines[1] == "recipe: {" + "r" * 196 + "..."
    assert lines[2:5] == ["error: first\\nsecond [line]", "value: 0.3", ""]
    assert lines[5:] == ["trial: 1", "recipe: -", "error: \\x1b[2J", "value: nan", "", "2 rows"]


def test_csv_has_everything_once():
    answer = pa.table({"a": [0.1 + 0.2, None], "b": ['one, "two"\nthree', ""], "c": [[1.5, math.nan], None]})
    read = list(csv.reader(io.StringIO(answer_csv(answer))))
    assert read == [["a", "b", "c"], ["0.30000000000000004", 'one, "two"\nthree', "[1.5, null]"], ["", "", ""]]
    twice = answer.select([0]).append_column("a", pa.array([1, 2]))
    assert answer_csv(twice).splitlines()[0] == "a,a_1"

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from rich.console import Console
from written_runs import WITHOUT_SEARCH, evaluations, trial, write_run

from orchestrator.cli import cli
from orchestrator.size_curve import render_tasks, size_curve, tasks_plain

FULL = evaluations("full", [0.98, 1.0], trial=-1)


def write(folder, examples, accuracies, more=(), text=WITHOUT_SEARCH):
    """Write a run of that many distilled examples, whose two further distillations have these accuracies."""
    rows = [row for run, mean in enumerate(accuracies, 1) for row in evaluations("final", [mean], run=run)]
    write_run(folder, text, [trial(0, 0.96, n=1, params=None)], [*rows, *more])
    (folder / "distilled").mkdir()
    pq.write_table(pa.table({"step": list(range(examples))}), folder / "distilled" / f"{'0' * 64}.parquet")
    return folder


@pytest.fixture
def curve(tmp_path):
    return [
        write(tmp_path / "ten", 10, [0.97, 0.95]),
        write(tmp_path / "five", 5, [0.92, 0.90], FULL),
        write(tmp_path / "one", 1, [0.4, 0.6]),
    ]


def shown(tasks, width=100):
    console = Console(file=io.StringIO(), width=width, _environ={})
    render_tasks(tasks, console)
    return " ".join(console.file.getvalue().split())


def test_runs_of_one_task_make_a_curve_with_its_sizes(curve):
    (task,) = size_curve(curve)
    assert (task.data, task.network, task.init) == ("digits", "lenet", "fixed")
    assert [line.examples for line in task.lines] == [1, 5, 10]
    # The run that trained on the whole data is the measure of all.
    assert task.full.mean == pytest.approx(0.99)
    assert [line.ratio.value for line in task.lines] == pytest.approx([0.5 / 0.99, 0.91 / 0.99, 0.96 / 0.99])
    assert [(size.share, size.examples) for size in task.sizes] == [(0.9, 5), (0.95, 10), (0.99, None)]
    assert task.lines[1].test.sd_groups == pytest.approx(0.0002**0.5)
    said = shown([task])
    assert f"on test: 90 %: 5 ({curve[1]}), 95 %: 10 ({curve[0]}), 99 %: none" in said
    assert "10 96.00 ± - 1.41 2 96.97 ± - 96.13" in said


def test_other_networks_and_initialisations_are_other_tasks(curve, tmp_path):
    random = WITHOUT_SEARCH.replace("init: fixed", "init: random")
    tasks = size_curve([*curve, write(tmp_path / "random", 5, [0.8], text=random)])
    assert [(task.init, len(task.lines)) for task in tasks] == [("fixed", 3), ("random", 1)]
    assert tasks[1].full is None
    assert "no ratio: none of these runs trains on the whole data" in shown(tasks[1:])


def test_a_run_without_a_result_has_a_line_too(curve, tmp_path):
    begun = write_run(tmp_path / "begun", WITHOUT_SEARCH)
    (task,) = size_curve([*curve, begun])
    assert (task.lines[0].folder, task.lines[0].test) == (str(begun), None)
    plain = tasks_plain([task])
    assert plain == json.loads(json.dumps(plain, allow_nan=False))
    assert [line["examples"] for line in plain["tasks"][0]["lines"]] == [None, 1, 5, 10]


def test_the_command_shows_one_run_whole_and_several_side_by_side(curve):
    shown = CliRunner().invoke(cli, ["report", str(curve[0]), str(curve[1]), "--json"]).output
    assert [line["examples"] for line in json.loads(shown)["tasks"][0]["lines"]] == [5, 10]
    assert "90 %: 5" in " ".join(CliRunner().invoke(cli, ["report", *map(str, curve)]).output.split())
    assert json.loads(CliRunner().invoke(cli, ["report", str(curve[1]), "--json"]).output)["headline"]["examples"] == 5

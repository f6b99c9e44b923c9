import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
import typing

import pytest
from PIL import Image

from distiller.training import Optimiser
from orchestrator import cli, driving, exit_status, open_run
from orchestrator.records import read
from sweeps import Tuning
from tests.orchestrator.tiny_sweep import SWEEP, rows, stillhouse, write_sweep
from tests.orchestrator.written_runs import write_whole_run

SMALL = {
    "search": {"trials": 2, "lag": 1, "space": {"steps": {"int": [1, 2]}}},
    "evaluate": {"validation": 1200, "inits": 2, "final": {"inits": 3}},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run on a private local Ray, from the command line, and what the command line said."""
    folder = tmp_path_factory.mktemp("cli")
    return folder / "run", stillhouse("run", write_sweep(folder, **SMALL), "--out", folder / "run")


def said(*arguments, **options):
    ended = stillhouse(*arguments, **options)
    assert ended.returncode == 0, ended.stderr_text
    return ended.stdout_text


def test_run_ends_with_a_report(finished):
    folder, ended = finished
    assert ended.returncode == 0, ended.stderr_text
    assert "random_real" in ended.stdout_text
    assert "Traceback" not in ended.stderr_text
    assert read(folder, "trials").num_rows == 2
    # Without a terminal: lines, no boxes that redraw themselves.
    assert "\x1b" not in ended.stdout_text


def test_status_report_query_and_evaluate_read_a_run(finished):
    folder, _ = finished
    assert json.loads(said("status", folder, "--json"))["standing"] == "done"
    assert "done" in said("status", folder)
    assert said("report", folder)
    assert json.loads(said("report", folder, "--json"))
    counted = said("query", folder, "SELECT phase, count(*) AS n FROM evaluations GROUP BY ALL ORDER BY ALL", "--json")
    assert {row["phase"]: row["n"] for row in json.loads(counted)} == {
        "baseline/random_real": 3,
        "final": 3,
        "search": 4,
        "tune/random_real": 2 * len(Tuning().rates),
    }


def test_evaluate_keeps_what_it_measures_and_measures_it_once(finished):
    folder, _ = finished
    (first,) = json.loads(said("evaluate", folder, "--inits", "2", "--inline", "--json"))["measured"]
    assert first["inits"] == 2
    (more,) = json.loads(said("evaluate", folder, "--inits", "4", "--inline", "--json"))["measured"]
    assert more["accuracies"][:2] == first["accuracies"]
    extra = [row for row in read(folder, "evaluations").to_pylist() if row["phase"] == "extra"]
    assert sorted(row["init"] for row in extra) == [0, 1, 2, 3]
    # The run itself is what it was.
    assert json.loads(said("status", folder, "--json"))["standing"] == "done"


def test_evaluate_takes_a_file_of_its_own(finished, tmp_path):
    from orchestrator import load

    load(finished[0]).save(tmp_path / "set.safetensors")
    assert json.loads(said("evaluate", tmp_path / "set.safetensors", "--inits", "2", "--json"))["network"] == "lenet"


def test_plan_counts_and_times(tmp_path):
    found = json.loads(said("plan", write_sweep(tmp_path, **SMALL), "--json"))
    assert (found["trials"], found["outer_steps"], found["search_networks"], found["final_networks"]) == (2, 8, 4, 3)
    assert found["baseline_networks"] == len(Tuning().rates) * 2 + 3
    assert found["seconds"] > 0
    assert "outer step" in said("plan", tmp_path / "tiny.yaml")


def test_lists_of_sweeps_and_data():
    names = {each["name"] for each in json.loads(said("sweeps", "--json"))}
    assert {"quickstart", "mnist-fixed-10", "mnist-random-100"} <= names
    assert "82.75 ± 2.75" in said("sweeps")
    data = {each["name"]: each for each in json.loads(said("data", "--json"))}
    assert data["digits"]["present"]
    assert "mnist" in said("data")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "quickstrat"], "quickstart"),
        (["run", "quickstart", "--set", "recipe.step=3"], "--set recipe.step=3: "),
        (["run", "quickstart", "--set", "search.space.steps={int: [5, 1]}"], "upside down"),
        (["resume", "no-such-run"], "holds no run"),
        (["report", "no-such-run"], "holds no run"),
        (["status", "no-such-run"], "holds no run"),
        (["query", "no-such-run", "SELECT 1"], "no-such-run"),
        (["evaluate", "no-such-file"], "no-such-file"),
        (["data", "mnits"], "mnist"),
        (["run", "quickstart", "--address", "127.0.0.1:1", "--out", "run"], "127.0.0.1:1"),
        (["brew"], "brew"),
        (["run"], "SWEEP"),
    ],
)
def test_bad_input_is_one_line_and_status_2(tmp_path, arguments, says):
    ended = stillhouse(*arguments, cwd=tmp_path)
    assert ended.returncode == 2, ended.stderr_text
    lines = ended.stderr_text.strip().splitlines()
    assert says in lines[-1]
    # Ray has words of its own for an address where nobody answers.
    assert len(lines) == 1 or "--address" in arguments
    assert not list(tmp_path.iterdir())


def test_a_file_is_named_with_its_line(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("recipe:\n  data: digits\n  network: lenet\n  stpes: 3\nevaluate: {validation: 300, inits: 2}\n")
    ended = stillhouse("run", path)
    assert ended.returncode == 2
    assert f"{path}:4: recipe.stpes: " in ended.stderr_text


def test_failed_trials_end_with_status_1(tmp_path):
    (tmp_path / "own.py").write_text(
        "import torch\n\n\nclass Fails(torch.nn.Linear):\n    def __init__(self, shape, outputs):\n"
        "        super().__init__(784, outputs)\n\n    def forward(self, x):\n"
        "        if len(x) == 10:\n            raise RuntimeError('not ten')\n        return super().forward(x.flatten(1))\n"
    )
    recipe = SWEEP["recipe"] | {"network": "own:Fails"}
    path = write_sweep(tmp_path, **SMALL, recipe=recipe)
    ended = stillhouse("run", path, "--out", tmp_path / "run", "--inline", cwd=tmp_path)
    assert ended.returncode == 1
    assert "not ten" in ended.stderr_text + ended.stdout_text
    assert {row["cause"] for row in read(tmp_path / "run", "trials").to_pylist()} == {"user"}


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 75)])
def test_a_signal_stops_cleanly_and_says_how_to_go_on(tmp_path, number, status):
    path = write_sweep(tmp_path, **SMALL, recipe=SWEEP["recipe"] | {"outer_steps": 60}, resources={"segment": 2})
    started = stillhouse("run", path, "--out", tmp_path / "run", "--inline", wait=False)
    deadline = time.monotonic() + 240
    while not list(tmp_path.glob("run/states/*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    started.send_signal(number)
    _, error = started.communicate(timeout=240)
    assert started.returncode == status
    assert f"stillhouse resume {tmp_path / 'run'}" in error
    assert "Traceback" not in error
    assert not (tmp_path / "run" / "lease.json").exists()
    assert said("resume", tmp_path / "run", "--inline")


def test_help_imports_nothing_heavy():
    heavy = {"torch", "ray", "optuna", "pyarrow", "pydantic", "rich"}
    code = f"import sys, orchestrator.cli; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "set()\n"


@pytest.mark.slow
def test_inline_one_slot_and_two_on_ray_give_the_same_rows(tmp_path):
    path = write_sweep(tmp_path)
    said("run", path, "--out", tmp_path / "inline", "--inline")
    for slots, segment in ((1, 1), (2, 3)):
        out = tmp_path / f"ray-{slots}"
        settings = ("--set", f"resources.slots={slots}", "--set", f"resources.segment={segment}")
        said("run", path, "--out", out, *settings, env=os.environ | {"OMP_NUM_THREADS": "2"})
        assert rows(out) == rows(tmp_path / "inline")


@pytest.mark.parametrize(
    "arguments",
    [
        ["sweeps"],
        ["sweeps", "--json"],
        ["report", "RUN"],
        ["query", "RUN", "SELECT * FROM evaluations, evaluations b"],
        ["query", "RUN", "SELECT * FROM evaluations, evaluations b", "--json"],
        ["query", "RUN", "SELECT * FROM evaluations, evaluations b", "--csv"],
    ],
)
def test_a_reader_that_goes_away_is_no_error(tmp_path, arguments):
    write_whole_run(tmp_path / "run")
    arguments = [str(tmp_path / "run") if each == "RUN" else each for each in arguments]
    reading, writing = os.pipe()
    os.close(reading)
    ended = stillhouse(*arguments, stdout=writing)
    os.close(writing)
    assert (ended.returncode, ended.stderr_text) == (128 + signal.SIGPIPE, "")


@pytest.mark.parametrize("command", [["report"], ["query", "SELECT 1"], ["status"]])
def test_a_part_that_cannot_be_read_is_bad_input(tmp_path, command):
    folder = write_whole_run(tmp_path / "run")
    (folder / "evaluations" / "part-000099.parquet").symlink_to(tmp_path / "gone")
    ended = stillhouse(command[0], folder, *command[1:])
    assert ended.returncode == 2
    assert ended.stderr_text.count("\n") == 1
    assert "part-000099.parquet" in ended.stderr_text


def test_json_of_a_query_says_null_for_what_is_not_finite(tmp_path):
    folder = write_whole_run(tmp_path / "run")
    asked = said("query", folder, "SELECT 'nan'::DOUBLE AS x, 1 AS y, 2 AS y", "--json")
    assert json.loads(asked) == [{"x": None, "y": 1, "y_1": 2}]


def slow_run(tmp_path):
    """Start a run whose one trial is a single long task; return it at work."""
    recipe = SWEEP["recipe"] | {"outer_steps": 100000}
    path = write_sweep(tmp_path, **SMALL, recipe=recipe, resources={"segment": 100000})
    started = stillhouse("run", path, "--out", tmp_path / "run", "--inline", wait=False)
    events, deadline = tmp_path / "run" / "events.jsonl", time.monotonic() + 240
    while not (events.exists() and "job_started" in events.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return started


def test_a_second_interrupt_still_says_how_to_go_on(tmp_path):
    started = slow_run(tmp_path)
    for _ in range(2):
        started.send_signal(signal.SIGINT)
        time.sleep(0.5)
    _, error = started.communicate(timeout=240)
    # A signal that finds Python taking itself down ends it by that signal, which a shell shows as 130 too.
    assert started.returncode in (130, -signal.SIGINT)
    assert f"stopped; go on with: stillhouse resume {tmp_path / 'run'}" in error
    assert "Traceback" not in error


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_when_all_is_done_stops_nothing(tmp_path, capsys, number):
    ended = dataclasses.replace(open_run(write_whole_run(tmp_path / "run")), done=True, signal=number)
    # As without a signal: one of the trials had failed.
    assert driving.drive(False, ended.folder, lambda view: ended) == exit_status.FAILED
    said = capsys.readouterr()
    assert "the best on validation" in said.out
    assert "resume" not in said.err
    assert driving.drive(False, ended.folder, lambda view: dataclasses.replace(ended, done=False)) in (75, 130)
    assert "resume" in capsys.readouterr().err


def test_plan_names_gpus_that_are_not_here(tmp_path):
    ended = stillhouse("plan", write_sweep(tmp_path, **SMALL, resources={"gpus": 64}), "--no-probe")
    assert ended.returncode == 2
    assert ended.stderr_text.startswith("stillhouse: resources.gpus: 64 for each task")
    assert ended.stderr_text.count("\n") == 1


def test_data_says_what_a_path_holds(tmp_path):
    for name in ("finch", "wren"):
        (tmp_path / "birds" / name).mkdir(parents=True)
        for index in range(5):
            Image.new("L", (6, 4), index).save(tmp_path / "birds" / name / f"{index}.png")
    found = json.loads(said("data", tmp_path / "birds", "--json"))
    assert (found["classes"], found["names"], found["shape"], found["counts"]) == (
        2,
        ["finch", "wren"],
        [1, 4, 6],
        [8, 2],
    )
    assert "finch, wren" in said("data", tmp_path / "birds")
    ended = stillhouse("data", tmp_path / "fish")
    assert ended.returncode == 2
    assert ended.stderr_text.startswith(f"stillhouse: no file or folder {tmp_path / 'fish'}")


def test_a_place_with_brackets_is_printed_as_it_is(tmp_path):
    root = tmp_path / "[red]data"
    (root / "MNIST" / "raw").mkdir(parents=True)
    for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (root / "MNIST" / "raw" / f"{part}-ubyte").touch()
    env = {"STILLHOUSE_DATA": str(root)}
    assert str(root) in said("data", env=env)
    # Files that are here and damaged are no data set.
    ended = stillhouse("data", "mnist", env=env)
    assert ended.returncode == 2
    assert ended.stderr_text.startswith(f"stillhouse: data set mnist in {root} cannot be read (")
    assert "delete its files and fetch it again with `stillhouse data mnist`" in ended.stderr_text
    assert ended.stderr_text.count("\n") == 1


def test_csv_for_spreadsheets(tmp_path):
    folder = write_whole_run(tmp_path / "run")
    assert said("query", folder, "SELECT trial, status FROM trials ORDER BY 1 LIMIT 2", "--csv") == (
        "trial,status\n0,complete\n1,complete\n"
    )
    assert stillhouse("query", folder, "SELECT 1", "--csv", "--json").returncode == 2


def test_a_full_disk_is_said_in_a_line(tmp_path):
    folder = write_whole_run(tmp_path / "run")
    with open("/dev/full", "w") as full:
        ended = stillhouse("report", folder, stdout=full)
    assert ended.returncode == 1
    assert ended.stderr_text.startswith("stillhouse: cannot write the output: No space left")
    assert ended.stderr_text.count("\n") == 1


def test_every_optimiser_can_be_asked_for():
    (option,) = [each for each in cli.cli.commands["evaluate"].params if each.name == "optimisers"]
    assert tuple(option.type.choices) == typing.get_args(Optimiser)

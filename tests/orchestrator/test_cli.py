import json
import os
import signal
import subprocess
import sys
import time

import pytest

from orchestrator.plan import RATES
from orchestrator.records import read
from tests.orchestrator.tiny_sweep import SWEEP, rows, stillhouse, write_sweep

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
        "tune/random_real": 2 * len(RATES),
    }


def test_evaluate_keeps_what_it_measures_and_measures_it_once(finished):
    folder, _ = finished
    first = json.loads(said("evaluate", folder, "--inits", "2", "--inline", "--json"))
    assert first["inits"] == 2
    more = json.loads(said("evaluate", folder, "--inits", "4", "--inline", "--json"))
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
    assert found["baseline_networks"] == len(RATES) * 2 + 3
    assert found["seconds"] > 0
    assert "outer step" in said("plan", tmp_path / "tiny.yaml")


def test_lists_of_sweeps_and_data():
    names = {each["name"] for each in json.loads(said("sweeps", "--json"))}
    assert {"quickstart", "mnist-fixed-10", "mnist-random-100"} <= names
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
    last = ended.stderr_text.strip().splitlines()[-1]
    assert says in last
    assert "Traceback" not in ended.stderr_text
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
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("run/states/*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    started.send_signal(number)
    _, error = started.communicate(timeout=60)
    assert started.returncode == status
    assert f"stillhouse resume {tmp_path / 'run'}" in error
    assert "Traceback" not in error
    assert not (tmp_path / "run" / "lease.json").exists()
    assert said("resume", tmp_path / "run", "--inline")


def test_help_answers_at_once():
    def seconds():
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "orchestrator.cli", "--help"], check=True, capture_output=True)
        return time.perf_counter() - began

    assert min(seconds() for _ in range(5)) < 0.3


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

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from orchestrator import open_run, resume, run
from orchestrator.cli import cli
from orchestrator.extra import Asked, evaluate
from orchestrator.opening import RunError
from orchestrator.records import part_paths
from orchestrator.verify import verify
from tests.orchestrator.tiny_sweep import rows, stillhouse, write_sweep

OTHER = "tests.orchestrator.small_network:Linear"
SMALL = {
    "search": {
        "trials": 2,
        "lag": 1,
        "space": {"steps": {"int": [1, 2]}, "outer_decay": {"choice": ["cosine", None, {"every": 1, "factor": 0.5}]}},
    },
    "evaluate": {
        "validation": 1200,
        "inits": 3,
        "shard": 2,
        "final": {"inits": 3, "runs": 1, "networks": ["lenet", OTHER]},
    },
    "baselines": ["random_real"],
    "tuning": {"rates": [0.01, 0.1], "draws": 2},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run with a search, finals of two runs on two networks, a baseline, a second final, and networks besides."""
    folder = tmp_path_factory.mktemp("verify")
    run(str(write_sweep(folder, **SMALL)), folder / "run", inline=True)
    resume(folder / "run", trials=3, inline=True)
    ways = [{}, {"optimiser": "adam", "batch": 3}, {"order": "shuffled"}]
    evaluate(folder / "run", Asked(2, init_schemes=["xavier_normal", "default"], trainings=ways), inline=True)
    return folder / "run"


@pytest.fixture
def altered(whole, tmp_path):
    """Return a function that changes the rows of a table's parts, in a copy of the run, and returns the copy."""

    def alter(table, change):
        folder = tmp_path / "altered"
        if not folder.exists():
            shutil.copytree(whole, folder)
        for path in part_paths(folder, table):
            part = pq.read_table(path)
            changed = [change(dict(row)) for row in part.to_pylist()]
            pq.write_table(pa.Table.from_pylist(changed, part.schema), path)
        return folder

    return alter


def test_every_row_of_a_run_is_found_again_to_the_bit(whole):
    before = rows(whole)
    found = verify(whole, rows=10_000, distil="best", inline=True)
    assert found.differences == []
    phases = {row["phase"] for row in open_run(whole).table("evaluations").to_pylist()}
    assert len({phase for phase in phases if phase.startswith("extra/")}) > 5
    assert phases >= {"search", "final", "final/2", "tune/random_real", "baseline/random_real/2", "extra"}
    assert found.checked == found.exact == found.rows == open_run(whole).table("evaluations").num_rows
    assert rows(whole) == before


def test_a_sample_is_as_large_as_asked_and_the_same_for_its_seed(whole, altered):
    assert verify(whole, rows=2, inline=True).checked == 2
    folder = altered("evaluations", lambda row: row | {"accuracy": row["accuracy"] + 0.2})

    def wrong(seed):
        return verify(folder, rows=2, seed=seed, inline=True).differences

    assert len(wrong(1)) == 2
    assert wrong(1) == wrong(1) != wrong(2)


def test_figures_that_are_others_are_named(altered):
    changes = {"accuracy": lambda x: x + 1 / 360, "loss": lambda x: x * (1 + 1e-9), "seed": lambda x: x + 1}

    def change(row):
        named = (row["phase"], row["network"], row["init"]) == ("final", OTHER, 1)
        return row | ({name: alter(row[name]) for name, alter in changes.items()} if named else {})

    lines = verify(altered("evaluations", change), rows=10_000, inline=True).differences
    assert len(lines) == 2 * 3  # two runs
    assert all(f"phase final, run {run}, " in line for run in (0, 1) for line in lines[3 * run : 3 * run + 3])
    assert {name for line in lines for name in changes if f"init 1: {name} " in line} == set(changes)


def test_another_device_promises_rounding_and_no_more(altered):
    folder = altered(
        "evaluations", lambda row: row | {"device": "A GPU", "loss": row["loss"] * (1.5 if row["init"] == 0 else 1.001)}
    )
    found = verify(folder, rows=12, distil="0", inline=True)
    assert list(found.rounded) == ["device cpu instead of A GPU"]
    assert found.rounded.total() + len(found.differences) == found.checked == 12
    assert found.exact == 0
    assert all("init 0" in line and "loss" in line for line in found.differences)
    assert found.distilled_loosely == "device cpu instead of A GPU"


def test_rows_that_no_work_of_the_sweep_comes_to_are_named(altered):
    folder = altered(
        "evaluations", lambda row: row | {"init": row["init"] + 100 if row["phase"] == "final/2" else row["init"]}
    )
    found = verify(folder, rows=20, inline=True)
    assert found.differences
    assert all("no work of this sweep comes to such a row" in line for line in found.differences)


def test_a_distillation_that_came_out_otherwise_is_named(altered):
    folder = altered("curves", lambda row: row | {"loss": row["loss"] + (row["outer_step"] == 3)})
    assert len(verify(folder, rows=1, distil="0", inline=True).differences) == 1
    folder = altered("trials", lambda row: row | {"distilled": "0" * 64})
    lines = verify(folder, rows=1, distil="0", inline=True).differences
    assert any(f"distilled {'0' * 64} in the run" in line for line in lines)


def test_a_set_that_is_gone_is_named(altered):
    folder = altered("curves", lambda row: row)
    for path in (folder / "distilled").glob("*.parquet"):
        path.write_bytes(path.read_bytes()[:-100])
    found = verify(folder, rows=30, inline=True)
    assert any("distilled/" in line for line in found.differences)
    assert found.checked > 0  # baselines need no set


def test_trials_that_were_not_distilled_are_refused(whole):
    for trial in ("7", "last"):
        with pytest.raises(
            RunError, match=f"trial {trial} was not distilled to its end; expected best, or .*: 0, 1, 2"
        ):
            verify(whole, distil=trial, inline=True)


def test_the_command_ends_with_what_it_found(whole, altered):
    def call(folder, *arguments):
        return CliRunner().invoke(
            cli, ["verify", str(folder), "--inline", "--rows", "3", *arguments], standalone_mode=False
        )

    told = call(whole)
    assert told.return_value == 0
    assert "3 equal to the bit" in told.stdout
    folder = altered("evaluations", lambda row: row | {"seed": row["seed"] + 1})
    told = call(folder, "--json")
    assert told.return_value == 1
    assert len(json.loads(told.stdout)["differences"]) == 3


def test_rows_are_computed_on_ray_too(whole):
    told = stillhouse("verify", whole, "--rows", "5", "--distil", "1", "--json")
    assert told.returncode == 0, told.stderr_text
    found = json.loads(told.stdout_text)
    assert (found["exact"], found["distilled"], found["differences"]) == (5, 1, [])

"""Failed trials are tried again by ``resume --retry-failed``: every reader then finds one row of each."""

import io
import json

import pyarrow.parquet as pq
import pytest
from rich.console import Console

import orchestrator.tasks
from orchestrator.ledger import Ledger
from orchestrator.opening import RunError, open_run
from orchestrator.query import query
from orchestrator.records import read
from orchestrator.run_files import read_events
from orchestrator.runs import resume, run
from orchestrator.status import render_status, status_of
from orchestrator.summary import summary
from sweeps import SweepError
from tests.orchestrator import pretended
from tests.orchestrator.tiny_sweep import rows, write_sweep


@pytest.fixture
def unlucky(monkeypatch):
    """Let tasks compute nothing, and fail the trials whose numbers are in the list that is given."""
    numbers, rates = [], []

    def segment(recipe, **others):
        if recipe["distill_lr"] not in rates:
            rates.append(recipe["distill_lr"])
        if rates.index(recipe["distill_lr"]) in numbers and recipe["run"] == 0:
            raise ValueError("no luck")
        return pretended.segment(recipe, **others)

    monkeypatch.setattr(orchestrator.tasks, "segment", segment)
    for name in ("evaluate_distilled", "evaluate_baseline"):
        monkeypatch.setattr(orchestrator.tasks, name, pretended.TASKS[name])
    return numbers


def test_a_failed_trial_is_tried_again_and_has_one_row_for_every_reader(tmp_path, unlucky):
    undisturbed = rows(run(str(write_sweep(tmp_path)), tmp_path / "undisturbed", inline=True).folder)
    # The last one, so that no other was asked with the knowledge that it had failed; and the final has been measured without it.
    unlucky.append(3)
    folder = run(str(write_sweep(tmp_path)), tmp_path / "run", inline=True).folder
    stood = status_of(folder)
    assert (stood.failures, stood.failed_attempts) == ({"user": 1}, {"user": 1})
    console = Console(file=io.StringIO(), width=200)
    render_status(stood, console)
    assert "failed attempts, tried again where that helps: 1 user" in console.file.getvalue()
    assert f"try them again with: stillhouse resume {folder} --retry-failed" in console.file.getvalue()
    first = read(folder, "evaluations").num_rows
    unlucky.clear()
    ended = resume(folder, retry_failed=True, inline=True)
    assert ended.done
    assert ended.finals == (4, 4), "the final that was measured stays, and there is another one"
    assert rows(folder)["trials"] == undisturbed["trials"]
    assert len(ended.table("trials")) == 4
    assert query(folder, "SELECT count(*), count(DISTINCT trial) FROM trials").to_pylist() == [
        {"count_star()": 4, "count(DISTINCT trial)": 4}
    ]
    assert sum(pq.read_table(path).num_rows for path in (folder / "trials").glob("*.parquet")) == 4
    found = summary(folder)
    assert (found.statuses, found.failures, len(found.trials)) == ({"complete": 4}, {}, 4)
    names = ["trial", "phase", "run", "draw", "network", "init"]
    keys = [tuple(row.values()) for row in read(folder, "evaluations", names).to_pylist()]
    assert len(keys) == len(set(keys)) > first
    (event,) = [event for event in read_events(folder) if event.name == "trial_retried"]
    assert (event.about["trial"], event.about["cause"], event.about["attempts"]) == (3, "user", 1)


def test_a_trial_that_fails_again_is_one_failed_row(tmp_path, unlucky):
    unlucky.append(1)
    folder = run(str(write_sweep(tmp_path)), tmp_path / "run", inline=True).folder
    before = rows(folder)["trials"]
    resume(folder, retry_failed=True, inline=True)
    assert rows(folder)["trials"] == before
    assert status_of(folder).failures == {"user": 1}


def test_what_a_failed_trial_had_computed_outlasts_a_resume_with_nothing_to_do(tmp_path, unlucky):
    unlucky.append(1)
    folder = run(str(write_sweep(tmp_path)), tmp_path / "run", inline=True).folder
    for name in ("000000-0-a.safetensors", "000001-0-b.safetensors", "-00001-0-c.safetensors"):
        (folder / "states" / name).write_bytes(b"a state")
    assert resume(folder, inline=True).done
    assert [path.name for path in (folder / "states").iterdir()] == ["000001-0-b.safetensors"]


def test_later_trials_keep_the_parameters_that_they_were_given_while_it_had_failed(tmp_path, unlucky):
    unlucky.append(0)
    folder = run(str(write_sweep(tmp_path)), tmp_path / "run", inline=True).folder
    before = Ledger(read(folder, "trials").to_pylist()).trials
    unlucky.clear()
    resume(folder, retry_failed=True, inline=True)
    after = Ledger(read(folder, "trials").to_pylist()).trials
    assert after[0]["status"] == "complete"
    assert {number: row["params"] for number, row in after.items()} == {
        number: row["params"] for number, row in before.items()
    }
    # A driver that comes later has the same study before it.
    assert resume(folder, trials=6, inline=True).done
    assert len(read(folder, "trials")) == 6


def test_a_resume_gives_tasks_other_resources_and_nothing_else(tmp_path, unlucky):
    unlucky.append(2)
    folder = run(str(write_sweep(tmp_path)), tmp_path / "run", inline=True).folder
    for text, reason in (
        ("recipe.steps=2", "takes other resources alone"),
        ("resources.timeout=soon", "resources.timeout"),
        ("resources.gpus=1", "recipe.device"),
    ):
        with pytest.raises((RunError, SweepError), match=reason):
            resume(folder, overrides=[text], inline=True)
    unlucky.clear()
    ended = resume(folder, retry_failed=True, overrides=["resources.timeout=600", "resources.memory=512"], inline=True)
    assert ended.done
    assert (open_run(folder).sweep.resources.timeout, open_run(folder).sweep.resources.memory) == (600, 512)
    assert open_run(folder).digest == ended.digest
    assert status_of(folder).failures == {}


def test_without_a_failed_trial_nothing_is_done(tmp_path, unlucky):
    folder = run(str(write_sweep(tmp_path)), tmp_path / "run", inline=True).folder
    frozen = json.loads((folder / "sweep.json").read_text())
    before = rows(folder)
    assert resume(folder, retry_failed=True, inline=True).done
    assert rows(folder) == before
    assert json.loads((folder / "sweep.json").read_text()) == frozen


def test_a_driver_that_dies_while_rows_are_taken_out_leaves_trials_that_any_resume_does(tmp_path, unlucky, monkeypatch):
    unlucky.append(2)
    folder = run(str(write_sweep(tmp_path)), tmp_path / "run", inline=True).folder
    unlucky.clear()

    def die(*about):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("orchestrator.runs._drive", die)
        with pytest.raises(KeyboardInterrupt):
            resume(folder, retry_failed=True, inline=True)
    assert len(open_run(folder).table("trials")) == 3
    assert resume(folder, inline=True).done
    assert status_of(folder).statuses == {"complete": 4}

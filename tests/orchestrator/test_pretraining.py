"""Pre-trained networks in a run: trained once, before the work that needs them, kept over stops, kills and runs."""

import random
import signal
import time

import pytest

from distiller import network_cache
from orchestrator.executor import Failure, InlineExecutor
from orchestrator.records import read
from orchestrator.runs import run
from orchestrator.schedule import SweepFailed
from orchestrator.standing import standing
from orchestrator.verify import verify
from sweeps import Sweep
from tests.orchestrator.test_schedule import Unruly, drive, schedule
from tests.orchestrator.tiny_sweep import SWEEP, rows, stillhouse, write_sweep

HOW = {"data": "digits", "passes": 1, "lr": 0.002, "batch": 256, "pool": 5}
CHANGES = {
    "recipe": SWEEP["recipe"] | {"pretrained": HOW, "inits_per_step": 2},
    "search": SWEEP["search"] | {"trials": 2},
    "evaluate": {"validation": 1200, "inits": 3, "shard": 2, "final": {"inits": 4}},
    "full_data": {"passes": 12, "lr": 0.003, "batch": 64, "inits": 2},
    "tuning": {"rates": [0.02], "draws": 2},
}
NETWORKS = 5 + 3 + 3 + 4 + 2  # the pool, search, tuning, final, full


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder.parent / "cache"))
        executor = Unruly()
        drive(folder, executor, CHANGES)
    assert executor.calls.count("train_networks") == NETWORKS
    return folder


def networks(folder):
    return {path.name: path.read_bytes() for path in folder.glob("networks/*")}


def empty_cache():
    for path in network_cache.folder().glob("*"):
        path.unlink()


def test_each_network_is_a_file_and_no_two_are_of_one_seed(undisturbed):
    assert len(networks(undisturbed)) == NETWORKS
    measured = read(undisturbed, "evaluations").to_pylist()
    seeds = {row["phase"]: set() for row in measured}
    for row in measured:
        seeds[row["phase"]].add(row["seed"])
    assert seeds["final"] == seeds["baseline/random_real"]
    assert len(seeds["search"] | seeds["tune/random_real"] | seeds["final"] | seeds["full"]) == 3 + 3 + 4 + 2


def test_full_data_are_the_reference_and_pre_trained_networks_are_what_no_set_gives(undisturbed):
    rows = read(undisturbed, "evaluations").to_pylist()
    full = [row for row in rows if row["phase"] == "full"]
    assert [(row["trial"], row["split"], row["init"]) for row in full] == [(-1, "test", 0), (-1, "test", 1)]
    # 237 examples are not all of the digits, and far more than none.
    assert all(row["accuracy"] > 0.75 > 0.3 > row["accuracy_before"] for row in full)
    final = [row for row in rows if row["phase"] == "final"]
    trained = {row["seed"]: row["accuracy_before"] for row in rows if row["phase"] == "baseline/random_real"}
    assert {row["seed"]: row["accuracy_before"] for row in final} == trained


def test_slots_and_order_change_no_row_and_no_network(undisturbed, tmp_path):
    drive(tmp_path / "run", Unruly(5, seed=5), CHANGES)
    assert rows(tmp_path / "run") == rows(undisturbed)
    assert networks(tmp_path / "run") == networks(undisturbed)


def test_a_run_that_stops_anywhere_keeps_its_networks(undisturbed, tmp_path):
    folder, calls, trained, done = tmp_path / "run", random.Random(1), 0, False
    while not done:
        executor = Unruly(2, seed=3)
        done = drive(folder, executor, CHANGES, calls=calls.randrange(2, 15)).stage == "done"
        trained += executor.calls.count("train_networks")
        empty_cache()
    assert trained == NETWORKS
    assert rows(folder) == rows(undisturbed)


def test_another_run_finds_the_networks_in_the_cache(undisturbed, tmp_path):
    for name in ("first", "second"):
        executor = Unruly()
        drive(tmp_path / name, executor, CHANGES)
    assert "train_networks" not in executor.calls
    assert networks(tmp_path / "second") == networks(undisturbed)


def test_a_damaged_network_is_trained_again(undisturbed, tmp_path):
    folder = tmp_path / "run"
    drive(folder, Unruly(), CHANGES, calls=7)
    empty_cache()
    path = min(folder.glob("networks/*"))
    path.write_bytes(path.read_bytes()[:-1])
    drive(folder, InlineExecutor(), CHANGES)
    assert networks(folder) == networks(undisturbed)


def test_lost_trainings_are_run_again_and_charged_as_all_work_is(undisturbed, tmp_path):
    def fail(ticket, call):
        first = call.function.endswith("train_networks") and call.tag[0].attempts == 1
        return Failure("crash" if ticket % 2 else "node", "as told") if first and ticket % 3 == 0 else None

    drive(tmp_path / "run", Unruly(2, fail=fail), CHANGES)
    assert rows(tmp_path / "run")["evaluations"] == rows(undisturbed)["evaluations"]


def test_a_network_that_cannot_be_trained_fails_the_trials_that_need_it(tmp_path):
    def fail(ticket, call):
        return Failure("user", "no such luck") if call.function.endswith("train_networks") and ticket else None

    with pytest.raises(SweepFailed, match="no such luck"):
        drive(tmp_path / "run", Unruly(2, fail=fail), CHANGES)
    trials = read(tmp_path / "run", "trials").to_pylist()
    assert [(row["status"], row["cause"]) for row in trials] == [("failed", "user")] * 2


def test_a_kill_in_the_middle_of_pre_training_costs_no_network_that_is_there(undisturbed, tmp_path):
    folder = tmp_path / "run"
    sweep = write_sweep(tmp_path, **CHANGES)
    driver = stillhouse("run", sweep, "--out", folder, "--inline", wait=False)
    while driver.poll() is None and len(list(folder.glob("networks/*.safetensors"))) < 3:
        time.sleep(0.01)
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    empty_cache()
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("networks/*.safetensors")}
    assert len(kept) >= 3
    assert stillhouse("resume", folder, "--inline").returncode == 0
    assert rows(folder) == rows(undisturbed)
    assert all(path.stat().st_mtime_ns == written for path, written in kept.items())


def test_rows_are_verified_with_the_networks_of_the_run(tmp_path):
    folder = tmp_path / "run"
    run(
        Sweep.model_validate(SWEEP | CHANGES | {"search": None, "tuning": {"rates": [0.02], "draws": 1}}),
        folder,
        inline=True,
    )
    checked = verify(folder, rows=100, distil="best", inline=True)
    assert (checked.holds, checked.checked) == (True, checked.rows)
    full = next(row for row in read(folder, "evaluations").to_pylist() if row["phase"] == "full")
    (lost,) = (path for path in folder.glob("networks/*") if str(full["seed"]).encode() in path.read_bytes()[:3000])
    lost.unlink()
    assert verify(folder, rows=100, inline=True).differences == [f"networks/{lost.name}: is not there, or damaged"]
    assert not lost.exists()


def test_the_view_tells_how_many_networks_are_there(tmp_path):
    executor, seen = Unruly(2), []
    made = schedule(tmp_path / "run", executor, CHANGES)
    made.drive(lambda: len(executor.calls) >= 6, lambda: seen.extend(standing(made, 0.0).active))
    assert {("pre-training", n, 5) for n in (1, 2, 3, 4)} <= {(each.what, each.done, each.total) for each in seen}

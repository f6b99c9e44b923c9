import json
import resource
import shutil

import numpy as np
import pytest
import torch

import orchestrator
from distiller.recipe import Recipe
from orchestrator import load, open_run, resume, run, runs
from orchestrator.check import CheckError
from orchestrator.lease import Lease, LeaseHeld, LeaseLost
from orchestrator.opening import RunError
from orchestrator.plan import Job
from orchestrator.runs import RunStopped
from orchestrator.schedule import Schedule
from orchestrator.storage import Storage
from orchestrator.tasks import segment
from sweeps import SweepError
from tests.orchestrator.tiny_sweep import SWEEP, rows, write_sweep

SMALL = {
    "search": {"trials": 2, "lag": 1, "space": {"steps": {"int": [1, 2]}}},
    "evaluate": {"validation": 1200, "inits": 2, "final": {"inits": 3}},
    "baselines": [],
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    return run(str(write_sweep(folder, **SMALL)), folder / "run", inline=True)


def test_a_run_ends_done_and_leaves_what_the_design_names(finished):
    assert (finished.done, finished.unfinished, finished.signal) == (True, 0, None)
    names = {path.name for path in finished.folder.iterdir() if not path.name.startswith(".")}
    expected = {
        "sweep.json",
        "environment.json",
        "events.jsonl",
        "trials",
        "evaluations",
        "curves",
        "distilled",
        "states",
        "standing.json",
    }
    assert names == expected
    assert json.loads((finished.folder / "environment.json").read_text())["packages"]["torch"] in torch.__version__


def test_open_run_reads_what_run_wrote(finished):
    opened = open_run(finished.folder)
    assert opened.sweep == finished.sweep
    assert opened.table("trials").num_rows == 2
    count = opened.query("SELECT count(*) AS n FROM evaluations WHERE phase = 'final' AND split = 'test'")
    assert count.to_pylist() == [{"n": 3}]


def test_load_gives_the_best_trials_set_from_a_run_and_from_a_file(finished, tmp_path):
    best = max(finished.table("trials").to_pylist(), key=lambda row: (row["accuracy_mean"], -row["trial"]))
    distilled = load(finished.folder)
    assert distilled.digest() == best["distilled"]
    assert load(finished.folder / "distilled" / f"{best['distilled']}.parquet").digest() == best["distilled"]
    distilled.save(tmp_path / "set.safetensors")
    assert load(tmp_path / "set.safetensors").digest() == best["distilled"]
    with pytest.raises(RunError, match="trial 7 has no distilled set"):
        load(finished.folder, 7)


def test_resuming_a_finished_run_does_nothing(finished):
    before = rows(finished.folder)
    assert resume(finished.folder, inline=True).done
    assert rows(finished.folder) == before


def test_a_larger_budget_adds_trials_and_a_second_final(finished, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(finished.folder, folder)
    extended = resume(folder, trials=3, inline=True)
    assert extended.finals == (2, 3)
    assert open_run(folder).table("trials").num_rows == 3
    phases = open_run(folder).query("SELECT DISTINCT phase FROM evaluations ORDER BY phase").column("phase").to_pylist()
    assert phases == ["final", "final/2", "search"]
    with pytest.raises(SweepError, match="expected at least the 3 it has, got 2"):
        resume(folder, trials=2, inline=True)


def test_a_final_that_was_not_begun_moves_with_the_budget(finished, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    shutil.copytree(finished.folder, folder)

    def lost(self, stop, tick):
        raise LeaseLost("another driver has taken this run over")

    drive = Schedule.drive
    monkeypatch.setattr(Schedule, "drive", lost)
    with pytest.raises(LeaseLost):
        resume(folder, trials=3, inline=True)
    monkeypatch.setattr(Schedule, "drive", drive)
    # The second final is planned for three trials; nothing of it is there, so a larger budget takes its place.
    assert open_run(folder).finals == (2, 3)
    assert resume(folder, trials=4, inline=True).finals == (2, 4)
    phases = set(open_run(folder).table("evaluations").column("phase").to_pylist())
    assert phases == {"search", "final", "final/2"}


def test_a_driver_that_lost_its_lease_writes_no_more(tmp_path, monkeypatch):
    folder, beat = tmp_path / "run", Lease.beat

    def taken(self):
        beat(self)
        raise LeaseLost("another driver has taken this run over")

    monkeypatch.setattr("orchestrator.runs._SECONDS_BETWEEN_BEATS", 0.0)
    monkeypatch.setattr(Lease, "beat", taken)
    with pytest.raises(LeaseLost):
        run(str(write_sweep(tmp_path, **SMALL)), folder, inline=True)
    assert not list(folder.glob("*/part-*"))


def test_what_a_dead_driver_left_half_written_is_removed(finished, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(finished.folder, folder)
    left = [folder / "states" / ".x.tmp-1", folder / "distilled" / ".x.tmp-1", folder / ".sweep.json.tmp-1"]
    left.append(folder / "states" / "000000-0-0123456789abcdef.safetensors")
    for path in left:
        path.write_bytes(b"half")
    assert resume(folder, inline=True).done
    assert not [path for path in left if path.exists()]


def test_a_folder_with_another_run_is_left_alone(finished, tmp_path):
    before = rows(finished.folder)
    with pytest.raises(RunError, match=r"holds another run, of tiny; `stillhouse resume .*` goes on with it"):
        run(str(write_sweep(tmp_path, **SMALL, seed=4)), finished.folder, inline=True)
    with pytest.raises(RunError, match="holds this very sweep"):
        run(str(write_sweep(tmp_path, **SMALL)), finished.folder, inline=True)
    assert rows(finished.folder) == before
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").touch()
    with pytest.raises(RunError, match=r"is no run and not empty \(cat.png\)"):
        run(str(write_sweep(tmp_path, **SMALL)), tmp_path / "photos", inline=True)


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        ({"data": "mnits"}, "mnist"),
        ({"data": "svhn"}, "stillhouse data svhn"),
        ({"network": "alexcifarnet"}, "alexcifarnet"),
        ({"network": "no.such:Network"}, "no.such"),
        ({"classes": [3, 10]}, "10 is no class of digits, whose classes are 0 to 9"),
        ({"per_class": 100}, "random_real wants 200 training examples of each class"),
    ],
)
def test_what_cannot_run_here_is_said_before_anything_is_left_behind(tmp_path, monkeypatch, recipe, says):
    monkeypatch.setenv("STILLHOUSE_DATA", str(tmp_path / "nowhere"))
    path = write_sweep(tmp_path, **SMALL | {"baselines": ["random_real"]}, recipe=SWEEP["recipe"] | recipe)
    with pytest.raises(CheckError, match="(?s)" + says) as caught:
        run(str(path), tmp_path / "run", inline=True)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_too_large_a_validation_split_is_said(tmp_path):
    path = write_sweep(tmp_path, **SMALL | {"evaluate": {"validation": 5000, "inits": 2}})
    with pytest.raises(CheckError, match="validation"):
        run(str(path), tmp_path / "run", inline=True)


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"cannot be written: .*; name another place with --out"):
        run(str(write_sweep(tmp_path, **SMALL)), tmp_path / "file" / "run", inline=True)
    with pytest.raises(RunError, match=r"/proc/run: cannot be written"):
        run(str(write_sweep(tmp_path, **SMALL)), "/proc/run", inline=True)


def test_no_run_to_resume_and_a_sweep_changed_by_hand(finished, tmp_path):
    with pytest.raises(RunError, match=r"holds no run \(no sweep.json\)"):
        resume(tmp_path, inline=True)
    folder = tmp_path / "run"
    shutil.copytree(finished.folder, folder)
    frozen = json.loads((folder / "sweep.json").read_text())
    frozen["sweep"]["recipe"]["outer_steps"] = 5
    (folder / "sweep.json").write_text(json.dumps(frozen))
    with pytest.raises(RunError, match=r"its sweep\.json was changed"):
        resume(folder, inline=True)


def test_a_damaged_sweep_file_and_one_of_another_version(finished, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(finished.folder, folder)
    frozen = json.loads((folder / "sweep.json").read_text())
    for text, says in (
        ("{", "damaged"),
        ("[]", "damaged"),
        ("{}", "damaged"),
        (json.dumps(frozen | {"version": 99}), "of version 99"),
    ):
        (folder / "sweep.json").write_text(text)
        with pytest.raises(RunError, match=says):
            open_run(folder)
    # Another hash, as of a version with other defaults, is no reason not to read.
    (folder / "sweep.json").write_text(json.dumps(frozen | {"digest": "other"}))
    assert load(folder).digest() == load(finished.folder).digest()


def test_data_by_a_relative_path_are_found_from_anywhere(tmp_path, monkeypatch):
    labels = np.arange(60) % 3
    images = np.random.default_rng(0).normal(size=(60, 1, 28, 28)).astype(np.float32)
    np.savez(tmp_path / "own.npz", train_inputs=images, train_labels=labels, test_inputs=images, test_labels=labels)
    monkeypatch.chdir(tmp_path)
    evaluate = {"validation": 15, "inits": 2, "final": {"inits": 2}}
    path = write_sweep(tmp_path, **SMALL | {"evaluate": evaluate}, recipe=SWEEP["recipe"] | {"data": "own.npz"})
    folder = run(path, tmp_path / "run", inline=True).folder
    monkeypatch.chdir("/")
    assert resume(folder, trials=3, inline=True).done


def test_every_path_of_own_data_in_a_recipe_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "birds").mkdir()
    given = {
        "data": "mnist",
        "pretrained": {"data": "./birds@32", "passes": 3},
        "base": {"data": "noise"},
        "network": "./birds",
    }
    found = runs._absolute(given)
    assert found == given | {"pretrained": {"data": f"{tmp_path}/birds@32x32", "passes": 3}}


@pytest.mark.parametrize("harm", ["lost", "torn"])
def test_a_set_that_is_gone_is_distilled_again(finished, tmp_path, harm):
    folder = tmp_path / "run"
    shutil.copytree(finished.folder, folder)
    for path in (folder / "distilled").iterdir():
        path.unlink() if harm == "lost" else path.write_bytes(path.read_bytes()[:-20])
    assert resume(folder, trials=3, inline=True).done
    best = open_run(folder).distilled()
    assert best.digest() in {path.stem for path in (folder / "distilled").iterdir()}


def test_a_torn_state_is_as_good_as_none(tmp_path):
    storage, recipe = (
        Storage(tmp_path),
        Recipe(data="digits", network="lenet", outer_steps=2, batch=32, validation=1200),
    )
    job = Job(0, 0, recipe, ())
    state = segment(recipe.plain(), None, 1)["state"]
    storage.write_state(job, state)
    assert storage.read_state(job) == state
    for length in (0, 7, 100, len(state) - 1):
        storage.write_state(job, state[:length])
        assert storage.read_state(job) is None


def test_one_driver_a_run(finished):
    with Lease.take(finished.folder), pytest.raises(LeaseHeld, match="this run is held by process"):
        resume(finished.folder, inline=True)
    assert resume(finished.folder, inline=True).done


def test_a_disk_that_fills_up_stops_the_run_and_keeps_what_was_finished(tmp_path):
    # A limit on the size of a file stands for the full disk: the write that crosses it fails halfway.
    folder = tmp_path / "run"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    write, written = Storage.write_state, []

    def fill_up(self, job, state):
        written.append(job.trial)
        if job.trial == 1:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        write(self, job, state)

    Storage.write_state = fill_up
    try:
        with pytest.raises(RunStopped, match=r"stays; mend it, then: stillhouse resume"):
            run(str(write_sweep(tmp_path, **SMALL)), folder, inline=True)
    finally:
        Storage.write_state = write
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert open_run(folder).table("trials").column("trial").to_pylist() == [0]
    assert resume(folder, inline=True).done


def test_a_run_equals_the_one_that_filled_its_disk(finished, tmp_path):
    assert rows(run(str(write_sweep(tmp_path, **SMALL)), tmp_path / "run", inline=True).folder) == rows(finished.folder)


def test_data_and_network_of_ones_own(tmp_path, monkeypatch):
    generator = np.random.default_rng(0)
    labels = np.arange(90) % 3
    images = generator.normal(size=(90, 1, 28, 28)).astype(np.float32) + labels[:, None, None, None]
    np.savez(
        tmp_path / "own.npz",
        train_inputs=images[:60],
        train_labels=labels[:60],
        test_inputs=images[60:],
        test_labels=labels[60:],
    )
    recipe = SWEEP["recipe"] | {"data": str(tmp_path / "own.npz"), "network": "own_network:Small", "batch": 20}
    (tmp_path / "own_network.py").write_text(
        "from torch import nn\n\n\nclass Small(nn.Sequential):\n    def __init__(self, shape, outputs):\n"
        "        super().__init__(nn.Flatten(), nn.Linear(784, 8), nn.Tanh(), nn.Linear(8, outputs))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    path = write_sweep(
        tmp_path, **SMALL | {"evaluate": {"validation": 15, "inits": 2, "final": {"inits": 2}}}, recipe=recipe
    )
    ended = run(str(path), tmp_path / "run", inline=True)
    assert ended.done
    assert set(ended.table("evaluations").column("network").to_pylist()) == {"own_network:Small"}


def test_the_package_gives_its_four_names():
    assert {"run", "resume", "open_run", "load"} <= set(orchestrator.__all__)
    assert all(callable(getattr(orchestrator, name)) for name in orchestrator.__all__)

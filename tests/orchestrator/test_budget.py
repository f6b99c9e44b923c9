"""A search that its time ends: on a clock that the test moves, and with the real tasks."""

import dataclasses
import json

import pytest
from tiny_sweep import SWEEP, rows

from orchestrator import resume
from orchestrator.budget import Budget, read_hours, search_device_seconds
from orchestrator.clock import Clock
from orchestrator.events import Events
from orchestrator.executor import InlineExecutor
from orchestrator.frozen import freeze
from orchestrator.lease import Lease
from orchestrator.opening import Run, RunError, open_run
from orchestrator.params import params_type, space_of
from orchestrator.records import Records, read, withdraw
from orchestrator.schedule import Schedule
from orchestrator.searching import search_of
from orchestrator.status import status_of
from orchestrator.storage import Storage, write_json
from orchestrator.summary import summary
from sweeps import Sweep, SweepError

EVALUATE = {"validation": 1200, "inits": 2, "final": {"inits": 2}}


class Hourly(InlineExecutor):
    """Each call takes an hour of the test's clock."""

    def __init__(self, slots, clock):
        super().__init__(slots)
        self.clock, self.calls = clock, 0

    def wait(self, timeout):
        self.clock.time += 3600.0
        self.calls += 1
        return super().wait(timeout)


class Moved(Clock):
    time = 1e6

    def now(self):
        return self.time


def start(folder, **search):
    """Freeze a sweep of four trials in ``folder``: a segment and a shard each."""
    given = SWEEP["search"] | {"trials": 4, "lag": 4} | search
    sweep = Sweep.model_validate(SWEEP | {"search": given, "evaluate": EVALUATE, "baselines": []})
    folder.mkdir()
    run = Run(folder, sweep, (sweep.trials,), sweep.digest())
    freeze(run)
    return run


def drive(folder, slots=1, calls=10**6):
    """Drive the run in ``folder`` to its end, or for so many calls; return whether it is done."""
    run, clock = open_run(folder), Moved()
    executor = Hourly(slots, clock)

    def end(trials, key):
        freeze(dataclasses.replace(run, finals=(*run.finals[:-1], trials), ended=(*run.ended[:-1], key)))

    search = run.sweep.search
    on_devices = search_device_seconds(folder) if search.device_hours else 0.0
    budget = Budget(search, folder, clock, on_devices, end, has_ended=run.ended[-1] is not None)
    records = Records(folder, params_type(space_of(run.sweep)))
    made = Schedule(
        run.sweep, run.finals, Storage(folder), records, executor, search_of(run.sweep, run.finals[-1]), Events(folder),
        clock=clock, budget=budget,
    )  # fmt: skip
    done = made.drive(lambda: executor.calls >= calls, lambda: None)
    records.flush()
    return done


def test_time_on_the_clock_ends_the_asking_and_what_was_asked_is_finished(tmp_path):
    whole, run = start(tmp_path / "whole"), start(tmp_path / "run", hours=2.5)
    assert drive(whole.folder)
    assert drive(run.folder)
    found = open_run(run.folder)
    assert found.ended == ("search.hours",)
    (trials,) = found.finals
    assert 1 <= trials < 4
    assert len(read(run.folder, "trials")) == trials
    assert "final" in read(run.folder, "evaluations").column("phase").to_pylist()
    # What was asked is what a run without a budget has of it.
    assert set(rows(run.folder)["trials"]) < set(rows(whole.folder)["trials"])
    assert read_hours(run.folder) >= 2.5
    told = summary(run.folder)
    assert (told.ended, told.budgets, told.stage) == (("search.hours",), (trials,), "done")
    assert status_of(run.folder).ended == "search.hours"


def test_hours_are_summed_over_drivers_and_the_end_is_kept(tmp_path):
    run = start(tmp_path / "run", hours=5.5, lag=1)
    drives = 0
    while not drive(run.folder, calls=3):  # three hours a driver
        drives += 1
        assert drives < 50
    assert drives > 1
    found = open_run(run.folder)
    assert found.ended == ("search.hours",)
    assert len(read(run.folder, "trials")) == found.finals[0] < 4
    before = rows(run.folder)
    assert drive(run.folder)  # nothing is asked any more
    assert rows(run.folder) == before


def test_what_was_asked_when_time_ended_the_search_is_finished_though_nothing_of_it_was_left(tmp_path):
    run = start(tmp_path / "run", hours=0.5)
    freeze(dataclasses.replace(run, finals=(3,), ended=("search.hours",)))
    write_json(run.folder / "spent.json", {"version": 1, "hours": 1.0})
    assert drive(run.folder)
    assert (open_run(run.folder).finals, open_run(run.folder).ended) == ((3,), ("search.hours",))
    assert len(read(run.folder, "trials")) == 3


def test_a_trial_that_failed_is_tried_again_though_the_time_is_spent(tmp_path):
    run = start(tmp_path / "run", hours=100.0, trials=2)
    assert drive(run.folder)
    for table in ("trials", "evaluations"):
        withdraw(run.folder, table, lambda row: row["trial"] == 1)  # it failed before anything of it was measured
    freeze(dataclasses.replace(run, finals=(2, 2), ended=(None, None)))
    write_json(run.folder / "spent.json", {"version": 1, "hours": 100.0})
    assert drive(run.folder)
    assert (open_run(run.folder).finals, open_run(run.folder).ended) == ((2, 2), (None, None))
    assert len(read(run.folder, "trials")) == 2


def test_all_hours_of_a_search_are_written_when_it_is_done(tmp_path):
    run = start(tmp_path / "run", hours=100.0, trials=1)
    assert drive(run.folder)
    assert read_hours(run.folder) == pytest.approx(2.0), "a segment and a shard"


def test_a_resume_goes_by_what_is_frozen_when_it_holds_the_run(tmp_path, monkeypatch):
    run, take = start(tmp_path / "run", trials=1), Lease.take
    assert drive(run.folder)

    def late(folder):
        freeze(dataclasses.replace(run, ended=("search.hours",)))  # by the driver before, as it leaves
        return take(folder)

    monkeypatch.setattr("orchestrator.runs.Lease.take", late)
    assert resume(run.folder, inline=True).ended == ("search.hours",)


def test_device_hours_are_summed_from_the_rows(tmp_path):
    run = start(tmp_path / "run", device_hours=1e-9)
    assert not drive(run.folder, calls=1)  # trial 0 has begun: its first segment is there
    assert search_device_seconds(run.folder) > 1e-9 * 3600
    assert drive(run.folder)
    assert (open_run(run.folder).ended, open_run(run.folder).finals) == (("search.device_hours",), (1,))
    assert [row["status"] for row in read(run.folder, "trials").to_pylist()] == ["complete"]


def test_a_larger_budget_goes_on_to_a_final_of_its_own(tmp_path):
    run = start(tmp_path / "run", device_hours=1e-9)
    assert drive(run.folder)
    (first,) = open_run(run.folder).finals
    with pytest.raises(RunError, match=r"ended by search\.device_hours, which is spent; raise it with --device-hours"):
        resume(run.folder, trials=6, inline=True)
    with pytest.raises(RunError, match="which is spent"):
        resume(run.folder, device_hours=1e-9, inline=True)
    with pytest.raises(SweepError, match=r"search\.device_hours: expected at least the"):
        resume(run.folder, device_hours=1e-10, inline=True)
    again = resume(run.folder, device_hours=10.0, inline=True)
    assert again.done
    assert (again.finals, again.ended) == ((first, 4), ("search.device_hours", None))
    assert len(read(run.folder, "trials")) == 4
    assert {"final", "final/2"} <= set(read(run.folder, "evaluations").column("phase").to_pylist())


def test_a_run_without_time_limits_writes_no_time(tmp_path):
    run = start(tmp_path / "run", trials=1)
    assert drive(run.folder)
    assert not (run.folder / "spent.json").exists()
    assert json.loads((run.folder / "sweep.json").read_text())["ended"] == [None]

import io
import json
import os
import subprocess
import sys
from datetime import datetime

import pytest
from rich.console import Console
from written_runs import finished_trials, search_rows, write_events, write_run, write_whole_run

from orchestrator.lease import Lease
from orchestrator.opening import RunError
from orchestrator.status import render_status, status_of


def rendered(status, width=80):
    console = Console(file=io.StringIO(), width=width, _environ={})
    render_status(status, console)
    return console.file.getvalue()


def test_a_run_that_its_driver_works_on(tmp_path):
    folder = write_run(tmp_path / "run", trials=finished_trials()[:3], evaluations=search_rows())
    with Lease.take(folder):
        status = status_of(folder)
    assert (status.standing, status.stage) == ("running", "search")
    assert (status.driver.pid, status.driver.alive) == (os.getpid(), True)
    assert status.driver.seconds_since_beat < 60
    text = rendered(status)
    assert "running, in stage search" in text
    assert "3 of 4 trials finished: 2 complete, 1 failed" in text
    assert "failed by cause: 1 memory" in text
    assert "6 networks trained: search 6" in text
    assert "best: trial 1, 85.00 ± 1.73 % (standard error, 3 initialisations, validation)" in text
    assert f"driver: process {os.getpid()} on" in text
    assert "resume" not in text


def test_a_run_that_was_stopped_says_how_to_go_on(tmp_path):
    folder = write_run(tmp_path / "run", trials=finished_trials()[:1])
    status = status_of(folder)
    assert (status.standing, status.driver) == ("stopped", None)
    assert f"go on with: stillhouse resume {folder}" in rendered(status, 200)


def test_a_driver_that_was_killed_is_seen_to_be_gone(tmp_path):
    folder = write_run(tmp_path / "run")
    taken = "import os, pathlib, sys; from orchestrator.lease import Lease; Lease.take(pathlib.Path(sys.argv[1])); os._exit(9)"
    # From the repository, so that the packages are found there.
    subprocess.run([sys.executable, "-c", taken, str(folder)], check=False)
    status = status_of(folder)
    assert (status.standing, status.driver.alive) == ("stopped", False)
    assert "which is gone" in rendered(status, 200)


def test_a_driver_elsewhere_lives_by_its_heartbeat(tmp_path):
    folder = write_run(tmp_path / "run")
    with Lease.take(folder):
        lease = json.loads((folder / "lease.json").read_text())
    (folder / "lease.json").write_text(json.dumps(lease | {"host": "elsewhere"}))
    beat = (folder / "lease.json").stat().st_mtime
    assert status_of(folder, beat + 50).standing == "running"
    assert status_of(folder, beat + 70).standing == "stopped"


@pytest.mark.parametrize("content", ["", "[]", '{"host": 1}', "\x00"])
def test_a_lease_that_cannot_be_read_names_no_driver(tmp_path, content):
    folder = write_run(tmp_path / "run")
    (folder / "lease.json").write_text(content)
    assert status_of(folder).driver is None


def test_a_run_that_is_done(tmp_path):
    folder = write_whole_run(tmp_path / "run")
    write_events(folder, (0, "driver_started"), (75, "done"))
    status = status_of(folder)
    assert (status.standing, status.stage) == ("done", "done")
    assert status.measured == {"search": 6, "baseline/random_real": 4, "final": 4, "tune/random_real": 30}
    assert status.last_event == ("2026-01-01T12:01:15+00:00", "done")
    text = rendered(status)
    assert "ago, 2026-01-01 12:01 UTC" in " ".join(text.split())
    assert "go on with" not in rendered(status, 200)


@pytest.mark.parametrize(
    ("seconds", "ago"),
    [
        (-5, "less than a minute"), (59, "less than a minute"), (60, "1 minute"), (7199, "1 hour"), (7200, "2 hours"),
        (86400 * 3, "3 days"),
    ],
)  # fmt: skip
def test_the_last_event_is_said_to_people_as_they_say_it(tmp_path, seconds, ago):
    folder = write_whole_run(tmp_path / "run")
    write_events(folder, (75, "done"))
    status = status_of(folder)
    console = Console(file=io.StringIO(), width=80, _environ={})
    render_status(status, console, datetime.fromisoformat(status.last_event[0]).timestamp() + seconds)
    assert f"last event: done, {ago} ago, 2026-01-01 12:01 UTC\n" in console.file.getvalue()


def test_plain_values_for_programs(tmp_path):
    folder = write_run(tmp_path / "run", trials=finished_trials()[:2])
    with Lease.take(folder):
        plain = status_of(folder).plain()
    assert plain == json.loads(json.dumps(plain, allow_nan=False))
    assert list(plain) == [
        "version", "standing", "name", "folder", "stage", "trials_total", "statuses", "failures",
        "failed_attempts", "networks", "measured", "spared", "best", "driver", "last_event", "ended",
    ]  # fmt: skip
    assert plain["best"] == {"trial": 1, "mean": 0.85, "se": 0.0173, "inits": 3}
    assert plain["driver"]["pid"] == os.getpid()


def test_a_run_that_has_just_begun(tmp_path):
    status = status_of(write_run(tmp_path / "run"))
    assert (status.stage, status.networks, status.best, status.last_event) == ("search", 0, None, None)
    assert "0 of 4 trials finished" in rendered(status)


@pytest.mark.parametrize("width", [40, 80])
def test_no_line_is_longer_than_the_screen(tmp_path, width):
    text = rendered(status_of(write_whole_run(tmp_path / "run")), width)
    assert max(len(line) for line in text.splitlines()) <= width


def test_a_folder_without_a_run(tmp_path):
    with pytest.raises(RunError, match="no run"):
        status_of(tmp_path)

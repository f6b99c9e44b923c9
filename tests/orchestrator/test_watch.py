import json
import os
from collections import Counter

import pytest
from click.testing import CliRunner
from test_progress import NOTHING_YET, SNAPSHOT
from written_runs import write_run, write_whole_run

from orchestrator import run
from orchestrator.cli import cli
from orchestrator.lease import Lease
from orchestrator.opening import RunError
from orchestrator.progress import open_view
from orchestrator.standing_file import read_standing, write_standing
from orchestrator.watch import watch
from tests.orchestrator.tiny_sweep import write_sweep


class Seen:
    """A view that keeps what it is given."""

    def __init__(self):
        self.snapshots, self.lines = [], []

    def update(self, snapshot):
        self.snapshots.append(snapshot)

    def say(self, line):
        self.lines.append(line)


@pytest.mark.parametrize("snapshot", [SNAPSHOT, NOTHING_YET])
def test_what_a_driver_says_is_read_as_it_was(tmp_path, snapshot):
    assert read_standing(tmp_path) is None
    counted = {"statuses": Counter(snapshot.statuses), "failures": Counter(snapshot.failures)}
    write_standing(tmp_path, type(snapshot)(**(vars(snapshot) | counted)))
    read, written = read_standing(tmp_path)
    assert read == snapshot
    assert written == os.stat(tmp_path / "standing.json").st_mtime
    assert [path.name for path in tmp_path.iterdir()] == ["standing.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "x"}', '{"best": 3, "active": [{}]}'])
def test_what_cannot_be_read_says_nothing(tmp_path, text):
    (tmp_path / "standing.json").write_text(text)
    assert read_standing(tmp_path) is None


def test_a_folder_that_cannot_be_written_stops_no_work(tmp_path):
    write_standing(tmp_path / "absent", SNAPSHOT)


def test_a_run_is_followed_until_its_driver_is_gone(tmp_path):
    folder, seen = write_whole_run(tmp_path / "run"), Seen()
    lease = Lease.take(folder)
    looks = iter([lambda: write_standing(folder, NOTHING_YET), lambda: write_standing(folder, SNAPSHOT), lease.release])
    status = watch(folder, seen, sleep=lambda seconds: next(looks)())
    assert seen.lines == [f"process {os.getpid()} on {lease.holder.host} is getting ready"]
    assert [snapshot.networks for snapshot in seen.snapshots] == [0, 1340, 1340]
    assert status.standing == "done"


def test_clocks_go_on_between_two_words_of_the_driver(tmp_path):
    folder, seen = write_run(tmp_path / "run"), Seen()
    with Lease.take(folder) as lease:
        write_standing(folder, SNAPSHOT)
        written = os.stat(folder / "standing.json").st_mtime
        watch(folder, seen, now=lambda: written + 10, sleep=lambda seconds: lease.release())
    assert seen.snapshots[0].seconds == pytest.approx(SNAPSHOT.seconds + 10)
    assert seen.snapshots[0].seconds_left == pytest.approx(SNAPSHOT.seconds_left - 10)


def test_a_dead_drivers_word_is_not_taken_for_the_next_ones(tmp_path):
    folder, seen = write_run(tmp_path / "run"), Seen()
    write_standing(folder, SNAPSHOT)
    os.utime(folder / "standing.json", (1e9, 1e9))
    lease = Lease.take(folder)
    watch(folder, seen, sleep=lambda seconds: lease.release())
    assert seen.snapshots == []


def test_a_run_that_nobody_drives_is_said_at_once(tmp_path):
    seen = Seen()
    write_standing(write_run(tmp_path / "run"), SNAPSHOT)
    assert watch(tmp_path / "run", seen, sleep=pytest.fail).standing == "stopped"
    assert (seen.snapshots, seen.lines) == ([], [])
    with pytest.raises(RunError, match="holds no run"):
        watch(tmp_path, open_view(None, quiet=True))


def test_a_driver_says_what_it_does_to_its_end(tmp_path):
    recipe = {"data": "digits", "network": "lenet", "outer_steps": 2, "batch": 32}
    evaluate = {"validation": 1200, "inits": 1, "final": {"inits": 2}}
    sweep = write_sweep(tmp_path, recipe=recipe, search=None, baselines=[], evaluate=evaluate)
    run(str(sweep), tmp_path / "run", inline=True)
    snapshot, _ = read_standing(tmp_path / "run")
    assert (snapshot.name, snapshot.stage, snapshot.trials_finished, snapshot.networks) == ("tiny", "done", 1, 3)


def test_the_command_ends_with_where_the_run_stands(tmp_path):
    whole, stopped = write_whole_run(tmp_path / "whole"), write_run(tmp_path / "stopped")

    def call(*arguments):
        return CliRunner().invoke(cli, ["watch", *map(str, arguments)], standalone_mode=False)

    assert call(whole).return_value == 0
    assert "4 of 4 trials finished" in call(whole).stdout
    told = call(stopped, "--json")
    assert (told.return_value, json.loads(told.stdout)["standing"]) == (75, "stopped")

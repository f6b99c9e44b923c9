import dataclasses
import json
import os
import signal
import subprocess
import time

import pytest
from remotes import below
from sample_rows import python

from orchestrator.lease import STALE_SECONDS, Holder, Lease, LeaseHeld, LeaseLost

TAKE = """
import sys
from pathlib import Path
from orchestrator.lease import Lease, LeaseHeld
sys.stdin.readline()
try:
    Lease.take(Path(sys.argv[1]))
    print("won", flush=True)
except LeaseHeld as held:
    print(held, flush=True)
sys.stdin.readline()
"""


def driver(folder):
    """Start a process that takes the lease when it is told to, and ends, without giving it back, when it is told to."""
    return subprocess.Popen(**python(TAKE, folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def tell(process):
    process.stdin.write("\n")
    process.stdin.flush()


def start_driver(folder):
    process = driver(folder)
    tell(process)
    assert process.stdout.readline() == "won\n"
    return process


def written_by(folder, age=0.0, **changes):
    """Leave a lease like this process's own, with ``changes``, whose last heartbeat is ``age`` seconds old."""
    holder = dataclasses.replace(Holder.this_process(), **changes)
    path = folder / "lease.json"
    path.write_text(json.dumps(dataclasses.asdict(holder)))
    os.utime(path, (time.time() - age, time.time() - age))


def test_a_lease_is_held_until_it_is_released(tmp_path):
    folder = tmp_path / "runs" / "mnist"
    lease = Lease.take(folder)
    with pytest.raises(LeaseHeld) as held:
        Lease.take(folder)
    holder = lease.holder
    assert f"{folder}: this run is held by process {os.getpid()} on {holder.host} since {holder.since}" in str(
        held.value
    )
    assert "\n" not in str(held.value)
    lease.beat()
    lease.release()
    Lease.take(folder).release()


def test_leaving_the_block_releases(tmp_path):
    with pytest.raises(KeyError), Lease.take(tmp_path):
        raise KeyError("something went wrong in the driver")
    assert not (tmp_path / "lease.json").exists()


def test_a_living_process_of_this_host_keeps_it_however_silent(tmp_path):
    process = start_driver(tmp_path)
    os.utime(tmp_path / "lease.json", (0, 0))
    with pytest.raises(LeaseHeld, match=f"process {process.pid} on .* stop it first: kill {process.pid}"):
        Lease.take(tmp_path)
    process.communicate("\n")


def test_a_dead_holder_on_this_host_frees_it_at_once(tmp_path):
    process = start_driver(tmp_path)
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    # It is dead, but its parent has not collected it yet.
    lease = Lease.take(tmp_path)
    process.communicate()
    lease.beat()
    assert lease.holder.pid == os.getpid()


def test_a_stopped_driver_is_not_dead(tmp_path):
    process = start_driver(tmp_path)
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(LeaseHeld):
        Lease.take(tmp_path)
    process.kill()
    process.communicate()


def test_a_process_number_that_was_given_again_is_another_process(tmp_path):
    written_by(tmp_path, started="1")
    Lease.take(tmp_path).beat()


def test_a_process_of_unknown_start_counts_as_the_same(tmp_path):
    written_by(tmp_path, started="")
    with pytest.raises(LeaseHeld):
        Lease.take(tmp_path)


# Another host, or another container or boot of a host of the same name: process numbers there say nothing here.
@pytest.mark.parametrize("elsewhere", [{"host": "another"}, {"machine": "another"}])
def test_from_elsewhere_it_is_free_after_a_minute_of_silence(tmp_path, elsewhere):
    gone = {"pid": 2**22 + 1} | elsewhere
    written_by(tmp_path, age=STALE_SECONDS - 20, **gone)
    with pytest.raises(LeaseHeld, match=r"if it is dead the run is free in (1[0-9]|20) s"):
        Lease.take(tmp_path)
    written_by(tmp_path, age=-3600, **gone)  # a clock that runs ahead, an hour
    with pytest.raises(LeaseHeld, match="is free in 60 s"):
        Lease.take(tmp_path)
    written_by(tmp_path, age=STALE_SECONDS + 1, **gone)
    Lease.take(tmp_path).beat()


def test_a_heartbeat_keeps_it(tmp_path):
    lease = Lease.take(tmp_path)
    os.utime(tmp_path / "lease.json", (0, 0))
    lease.beat()
    assert time.time() - (tmp_path / "lease.json").stat().st_mtime < 1000


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"host": "here"}', "\x80"])
def test_a_lease_that_is_not_one_of_ours_is_waited_for(tmp_path, text):
    path = tmp_path / "lease.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(LeaseHeld, match=r"held by an unreadable lease\.json; .* free in"):
        Lease.take(tmp_path)
    os.utime(path, (0, 0))
    Lease.take(tmp_path).beat()


def test_a_driver_learns_that_it_was_taken_over(tmp_path):
    lease = Lease.take(tmp_path)
    written_by(tmp_path, host="another")
    with pytest.raises(LeaseLost, match="another driver has taken this run over"):
        lease.beat()
    lease.release()  # which is not its own any more
    assert json.loads((tmp_path / "lease.json").read_text())["host"] == "another"


def test_a_removed_lease_is_lost(tmp_path):
    lease = Lease.take(tmp_path)
    (tmp_path / "lease.json").unlink()
    with pytest.raises(LeaseLost):
        lease.beat()
    lease.release()


def test_releasing_after_the_folder_is_gone_does_nothing(tmp_path):
    lease = Lease.take(tmp_path / "run")
    for path in (tmp_path / "run").iterdir():
        path.unlink()
    (tmp_path / "run").rmdir()
    lease.release()


def test_in_a_store_it_is_held_beaten_released_and_taken_over(tmp_path):
    folder, here = below(tmp_path), tmp_path / "bucket" / "run"
    lease = Lease.take(folder)
    with pytest.raises(LeaseHeld, match=f"{folder}: this run is held by process {os.getpid()} on"):
        Lease.take(folder)
    os.utime(here / "lease.json", (0, 0))
    lease.beat()
    assert time.time() - (here / "lease.json").stat().st_mtime < 1000
    lease.release()
    assert not (here / "lease.json").exists()
    written_by(here, age=STALE_SECONDS - 20, host="another")
    with pytest.raises(LeaseHeld, match="is free in"):
        Lease.take(folder)
    written_by(here, age=STALE_SECONDS + 1, host="another")
    lease = Lease.take(folder)
    written_by(here, host="another")
    with pytest.raises(LeaseLost):
        lease.beat()
    lease.release()
    assert (here / "lease.json").exists()
    assert not list(here.glob(".claim-*"))


@pytest.mark.parametrize("before", ["nothing", "a dead holder", "a silent stranger"])
def test_of_drivers_that_race_one_wins(tmp_path, before):
    if before == "a dead holder":
        written_by(tmp_path, pid=2**22 + 1)
    if before == "a silent stranger":
        written_by(tmp_path, age=STALE_SECONDS + 1, host="another")
    drivers = [driver(tmp_path) for _ in range(8)]
    for process in drivers:
        tell(process)
    answers = [process.stdout.readline() for process in drivers]
    for process in drivers:
        process.communicate("\n")
    winner = drivers[answers.index("won\n")].pid
    assert answers.count("won\n") == 1
    assert sum(f"held by process {winner} on" in answer for answer in answers) == 7

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from orchestrator import process_start as module
from orchestrator.process_start import process_start


def test_a_running_process_keeps_its_start():
    first = process_start(os.getpid())
    assert first
    time.sleep(0.05)
    assert process_start(os.getpid()) == first


def test_processes_started_apart_differ():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert process_start(child.pid) not in (None, process_start(os.getpid()))
        child.communicate(b"\n")
    assert process_start(child.pid) is None


def test_a_program_whose_name_looks_like_the_end_of_a_field(tmp_path):
    odd = tmp_path / "a) Z 1"
    odd.symlink_to(shutil.which("sleep"))
    child = subprocess.Popen([odd, "10"])
    time.sleep(0.05)
    start = process_start(child.pid)
    child.kill()
    child.wait()
    assert start.isdecimal()


@pytest.mark.parametrize("way", ["_from_proc", "_from_ps", "_from_signal"])
def test_every_way_tells_who_runs(way):
    if way == "_from_ps" and shutil.which("ps") is None:
        pytest.skip("there is no ps")
    if way == "_from_proc" and not os.path.exists("/proc/self/stat"):
        pytest.skip("there is no /proc")
    ask = getattr(module, way)
    assert ask(os.getpid()) is not None
    assert ask(os.getpid()) == ask(os.getpid())
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    assert ask(gone.pid) is None


@pytest.mark.parametrize("way", ["_from_proc", "_from_ps"])
def test_a_dead_process_that_nobody_has_collected_does_not_run(way):
    if shutil.which("ps") is None or not os.path.exists("/proc/self/stat"):
        pytest.skip("there is no ps or no /proc")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it is dead, and stays in the table of processes
    assert getattr(module, way)(child.pid) is None
    child.communicate()

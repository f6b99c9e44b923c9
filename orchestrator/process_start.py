"""When a process was started: what tells it from a later one that was given the same number."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

__all__ = ["process_start"]


def process_start(pid: int) -> str | None:
    """Return a text that is the same for as long as the process ``pid`` runs, and another for every later one of that number.

    None where no such process runs (one that is dead but not yet collected by its parent does not); the empty text where one
    runs but this system does not say since when.
    """
    return _from_proc(pid) if Path("/proc/self/stat").exists() else _from_ps(pid)


def _from_proc(pid: int) -> str | None:
    """Read the third and the 22nd field of ``/proc/PID/stat``: state, and start in clock ticks since the boot (proc(5))."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in brackets, and may hold spaces and brackets itself.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZXx" else fields[19]


def _from_ps(pid: int) -> str | None:
    """Ask ``ps``, as on macOS."""
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C", "TZ": "UTC"}
        )
    except FileNotFoundError:
        return _from_signal(pid)
    state, _, started = answer.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def _from_signal(pid: int) -> str | None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return ""

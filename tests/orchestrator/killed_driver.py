"""A driver in a process of its own, killed with -9 before a chosen one of its steps on the run's files.

The files change at these steps only (a file is opened, renamed, linked, removed, a folder made), so that at whatever moment a
driver is killed, it leaves what it would leave before its next step; only a file that is being written may be cut as well, and
that one has a name which nobody reads. Python tells of each step by an audit event: no part of the driver is replaced. A
process is forked from one that has imported everything already, since a start that imports costs seconds.
"""

import multiprocessing
import os
import signal
import sys

from orchestrator import check, ledger, schedule  # noqa: F401  what a driver imports when it begins
from orchestrator.executor import InlineExecutor  # noqa: F401
from orchestrator.runs import resume, run

STEPS = {"open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.utime"}


def drive(sweep, folder, deadly=None):
    """Run the ``sweep`` into ``folder``, or resume it there, in another process; return how many steps it took.

    `None` where it was killed, which it is before its step number ``deadly``.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    counted = context.Queue()
    process = context.Process(target=_drive, args=(sweep, folder, deadly, counted))
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return counted.get() if process.exitcode == 0 else None


def _drive(sweep, folder, deadly, counted):
    steps, within = 0, os.fspath(folder)
    os.environ["XDG_CACHE_HOME"] = str(folder.parent / "cache")  # of trained networks

    def watch(event, arguments):
        nonlocal steps
        if event in STEPS and str(arguments[0]).startswith(within):
            steps += 1
            if steps == deadly:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    begun = (folder / "sweep.json").exists()
    ended = resume(folder, inline=True) if begun else run(str(sweep), folder, inline=True)
    assert ended.done
    counted.put(steps)

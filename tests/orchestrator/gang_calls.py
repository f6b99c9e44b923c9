"""Functions that test_ray_gangs.py has gangs call, by name, in workers."""

import os
import signal
import threading
from pathlib import Path

import torch

from distiller import unrolled
from distiller.meeting import meet
from orchestrator import tasks


def together(meeting=None, own=0, common=b""):
    """Return what the worker of each share brought, as the first one sees it."""
    with meet(meeting, "cpu") as gang:
        return gang.rank, gang.whole(torch.tensor([own, len(common)])).tolist()


def fail_in(rank, meeting):
    """Fail in the worker of that rank, while the others wait for it."""
    with meet(meeting, "cpu") as gang:
        if gang.rank == rank:
            raise ValueError(f"no such thing in worker {rank}")
        gang.whole(torch.ones(1))


def lose(rank, folder, meeting):
    """Kill the worker of that rank while the others wait for it; each leaves its process's number."""
    with meet(meeting, "cpu") as gang:
        Path(folder, str(os.getpid())).touch()
        gang.whole(torch.ones(1))
        if gang.rank == rank:
            os.kill(os.getpid(), signal.SIGKILL)
        gang.whole(torch.ones(1))


def wait(folder, meeting):
    """Wait for ever, once all have met."""
    with meet(meeting, "cpu") as gang:
        gang.whole(torch.ones(1))
        Path(folder, str(os.getpid())).touch()
        threading.Event().wait()


def segment(marker, meeting=None, **arguments):
    """Do `orchestrator.tasks.segment`, but the first time kill the second worker between two outer steps."""
    if meeting is not None and meeting.rank == 1 and not Path(marker).exists():
        Path(marker).touch()
        meta_gradient, calls = unrolled.meta_gradient, []

        def dies(*given, **named):
            calls.append(1)
            if len(calls) > 1:
                os.kill(os.getpid(), signal.SIGKILL)
            return meta_gradient(*given, **named)

        unrolled.meta_gradient = dies
    return tasks.segment(meeting=meeting, **arguments)

"""Functions that test_executor.py calls by name, in its own process and in workers."""

import os
import signal
import sys
import time
from pathlib import Path


def add(a, b):
    return a + b


def fail(text):
    raise KeyError(text)


def deep(depth):
    return deep(depth - 1) if depth else [][0]


def run_out(kind):
    if kind == "torch":
        import torch

        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 20 GiB")
    if kind == "cpu":
        import torch

        torch.empty(10**16)
    raise MemoryError


def import_nothing():
    import nothing_of_that_name  # noqa: F401


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def leave():
    sys.exit(3)


def process(nothing=None):
    return os.getpid()


def length(payload, sign):
    return len(payload) * sign


def repeat(count):
    return b"x" * count


def mark(path, seconds):
    """Append a line to a file when started and, unless killed before, another when done."""
    path = Path(path)
    with path.open("a") as file:
        file.write("started\n")
    time.sleep(seconds)
    with path.open("a") as file:
        file.write("done\n")


def company(folder, everyone):
    """Wait until ``everyone`` is at work at once; return how many of them have the GPU of this process."""
    gpu = os.environ["CUDA_VISIBLE_DEVICES"]
    (Path(folder) / f"{gpu} {os.getpid()}").touch()
    deadline = time.monotonic() + 240
    while len(list(Path(folder).iterdir())) < everyone and time.monotonic() < deadline:
        time.sleep(0.02)
    return len(list(Path(folder).glob(f"{gpu} *")))


def threads():
    return os.environ.get("OMP_NUM_THREADS")

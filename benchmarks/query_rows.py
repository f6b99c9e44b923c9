"""A million evaluations in parts as a long run leaves them: how long a question with a group-by takes, and a report.

Prints the median seconds of five askings of one question, for a finished run, for as many loose parts as a run at work ever has,
and beside them for parts that were never merged, which is what the ratio is to; then the seconds of a report on the screen and of
its page, in a process of its own each, and the page's size. Usage: python benchmarks/query_rows.py [--rows 1000000] [--folder
FOLDER]; takes minutes, for each part is made durable. FOLDER keeps the run for another time.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.long_run import write_long_run
from orchestrator.parts import MERGED
from orchestrator.query import query
from orchestrator.records import part_paths

SQL = "SELECT trial, avg(accuracy) AS mean, stddev_samp(accuracy) AS sd FROM evaluations GROUP BY trial ORDER BY mean DESC"


def asked(folder: Path) -> float:
    """Return the median seconds of an answer, after one that warms the disk's cache."""
    query(folder, SQL)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        query(folder, SQL)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def told(what: str, folder: Path, reference: float | None = None) -> float:
    """Print and return how long the question takes."""
    seconds = asked(folder)
    ratio = "" if reference is None else f", a finished run is {seconds / reference:.0f} times as fast"
    print(f"{what}: {len(part_paths(folder, 'evaluations')):,} files, {seconds:.2f} s{ratio}", flush=True)
    return seconds


def report(what: str, folder: Path, *options: str) -> None:
    """Print how long a report takes, from the start of its process to the end, and its peak memory."""
    command = [sys.executable, "-m", "orchestrator.cli", "report", str(folder), *options]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    at_work = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # Of another machine's load the seconds on a core know less. The peak is that of the largest process so far.
    print(f"{what}: {seconds:.1f} s, {at_work:.1f} s of them on a core, {after.ru_maxrss / 1024:,.0f} MiB", flush=True)


def measure(folder: Path) -> None:
    """Ask and report."""
    merged, aside = folder / "evaluations" / MERGED, folder / "aside"
    rows = query(folder, "SELECT count(*) AS n FROM evaluations").to_pylist()[0]["n"]
    print(f"{rows:,} evaluations in {len(list((folder / 'evaluations').glob('part-*'))):,} parts")
    finished = told("a finished run", folder)
    last = sorted(merged.iterdir())[-2:][0]
    last.rename(folder / last.name)
    told("a run at work, with as many loose parts as it ever has", folder, finished)
    (folder / last.name).rename(last)
    merged.rename(aside)
    told("never merged", folder, finished)
    aside.rename(merged)
    report("report, on the screen", folder, "--no-html")
    page = folder.parent / "page.html"
    report("report, with its page", folder, "--html", str(page))
    print(f"the page: {page.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    """Write the run, unless it is there, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the run is kept; left out: a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name) / "run"
        if not folder.exists():
            began = time.perf_counter()
            write_long_run(folder, options.rows).merge()
            print(f"written in {time.perf_counter() - began:.0f} s", flush=True)
        measure(folder)


if __name__ == "__main__":
    main()

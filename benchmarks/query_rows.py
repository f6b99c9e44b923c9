"""A million evaluations in parts as a long run leaves them: how long a question with a group-by takes, live and when all is done.

Prints the median seconds of five askings of one question, for as many unmerged parts as a live run ever has (and the merged ones
before them), for the parts that a finished run leaves, and beside them for parts that were never merged, which is what the ratio
is to. Usage: python benchmarks/query_rows.py [--rows 1000000] [--folder FOLDER]; takes minutes, for each part is made durable.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from orchestrator import records
from orchestrator.query import query
from orchestrator.records import Records, part_paths

SQL = "SELECT trial, avg(accuracy) AS mean, stddev_samp(accuracy) AS sd FROM evaluations GROUP BY trial ORDER BY mean DESC"
PART, INITS = 100, 200


def evaluation(number: int) -> dict[str, object]:
    """Return one row of a run of trials with `INITS` networks each."""
    about = {
        "phase": "search",
        "run": 0,
        "draw": 0,
        "split": "validation",
        "network": "lenet",
        "chunk": 8,
        "device": "cpu",
    }
    figures = {"accuracy": (number * 7919 % 10007) / 10007, "loss": 0.3, "seconds": 0.1, "seed": number}
    row = {"trial": number // INITS, "init": number % INITS, "node": "here", "distilled": f"{number // INITS:064x}"}
    return dict.fromkeys(records.schema_of("evaluations").names) | about | figures | row


def write(folder: Path, rows: int, merge_parts: int) -> Records:
    """Write rows by the driver's own writer, a part a flush."""
    records.MERGE_PARTS = merge_parts
    written = Records(folder, None)
    for first in range(0, rows, PART):
        written.append("evaluations", [evaluation(number) for number in range(first, min(first + PART, rows))])
    written.flush()
    return written


def asked(folder: Path) -> float:
    """Return the median seconds of an answer, after one that warms the disk's cache."""
    query(folder, SQL)
    times = []
    for _ in range(5):
        began = time.perf_counter()
        query(folder, SQL)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def told(what: str, folder: Path, reference: float | None) -> float:
    """Print and return how long the question takes."""
    seconds = asked(folder)
    ratio = "" if reference is None else f", {reference / seconds:.0f} times as fast"
    print(f"{what}: {len(part_paths(folder, 'evaluations')):,} files, {seconds:.2f} s{ratio}", flush=True)
    return seconds


def main() -> None:
    """Write the rows twice and ask."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where to write; left out: a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        merge_parts = records.MERGE_PARTS
        write(Path(name) / "unmerged", options.rows, sys.maxsize)
        reference = told("never merged", Path(name) / "unmerged", None)
        # All but one of the parts that are merged next: the most files that a live run has.
        live = options.rows - (options.rows // PART - merge_parts + 1) % merge_parts * PART
        written = write(Path(name) / "merged", max(PART, live), merge_parts)
        told("a live run at its worst", Path(name) / "merged", reference)
        written.merge()
        told("a finished run", Path(name) / "merged", reference)


if __name__ == "__main__":
    main()

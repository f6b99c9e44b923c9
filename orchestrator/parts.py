"""The files of a table: parts by number, and merged parts that stand in for a range of them.

``part-000007.parquet`` is what one flush published; ``part-000000-000199.parquet`` holds the rows of all parts of that range,
which are removed once it is there. What a merged part covers does not count even where it lies beside it: between the two steps,
after a crash between them, or where a driver that was taken for dead publishes a number of long ago.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["covered_paths", "merged_name", "part_name", "part_paths", "part_range"]

_NAME = re.compile(r"part-(\d+)(?:-(\d+))?\.parquet")


def part_name(number: int) -> str:
    """Return the file name of a part."""
    return f"part-{number:06}.parquet"


def merged_name(first: int, last: int) -> str:
    """Return the file name of the part that stands in for those from ``first`` to ``last``."""
    return f"part-{first:06}-{last:06}.parquet"


def part_range(path: Path) -> tuple[int, int] | None:
    """Return the first and the last number that a file stands for, `None` where its name is not of this form."""
    found = _NAME.fullmatch(path.name)
    return None if found is None else (int(found[1]), int(found[2] or found[1]))


def part_paths(folder: Path, table: str) -> list[Path]:
    """Return the files that hold the rows of a run's ``table``, in order; none where the run has no such folder."""
    return _sorted_out(folder, table)[0]


def covered_paths(folder: Path, table: str) -> list[Path]:
    """Return the files whose rows a merged part holds as well: nobody reads them."""
    return _sorted_out(folder, table)[1]


def _sorted_out(folder: Path, table: str) -> tuple[list[Path], list[Path]]:
    found = [path for path in (folder / table).glob("*.parquet") if not path.name.startswith(".")]
    # Files of other names first, as they always were; then by number, the widest of those that begin alike first.
    ranges = {path: part_range(path) for path in found}
    named = sorted((first, -last, path) for path, bounds in ranges.items() if bounds for first, last in [bounds])
    counted: list[Path] = []
    covered: list[Path] = []
    reached = -1
    for _, minus_last, path in named:
        (covered if -minus_last <= reached else counted).append(path)
        reached = max(reached, -minus_last)
    others = sorted((path for path, bounds in ranges.items() if bounds is None), key=lambda path: path.name)
    return others + counted, covered

"""The files of a table: parts by number, and merged copies that are read in place of a range of them.

``part-000007.parquet`` is what one flush published; parts are the table, and none is ever removed, nor changed but where failed
trials are tried again, so that whoever reads the folder sees each row once. A reader pays for each file, so a driver keeps
copies: ``.merged/part-000000-000199.parquet`` holds the rows of all parts of that range. They can be deleted at any time.
"""

from __future__ import annotations

import re

from orchestrator.place import Place

__all__ = ["MERGED", "merged_name", "part_name", "part_paths", "part_range", "unmerged"]

MERGED = ".merged"
"""The folder of merged copies, within that of the table; hidden, so that no pattern for parts finds it."""
_NAME = re.compile(r"part-(\d+)(?:-(\d+))?\.parquet")


def part_name(number: int) -> str:
    """Return the file name of a part."""
    return f"part-{number:06}.parquet"


def merged_name(first: int, last: int) -> str:
    """Return the file name of the copy of the parts from ``first`` to ``last``."""
    return f"part-{first:06}-{last:06}.parquet"


def part_range(path: Place) -> tuple[int, int] | None:
    """Return the first and the last number that a file stands for, `None` where its name is not of this form."""
    found = _NAME.fullmatch(path.name)
    return None if found is None else (int(found[1]), int(found[2] or found[1]))


def part_paths(folder: Place, table: str) -> list[Place]:
    """Return the files that hold the rows of a run's ``table``, each row once and in order; none where it has no folder."""
    found = [path for path in (folder / table).glob("*.parquet") if not path.name.startswith(".")]
    others = [path for path in found if part_range(path) is None]
    parts, copies = _parts(folder, table), _copies(folder, table)
    covered = {number for first, last in copies for number in range(first, last + 1)}
    counted = copies | {(number, number): path for number, path in parts.items() if number not in covered}
    # Files of other names first, as they always were.
    return sorted(others, key=lambda path: path.name) + [path for _, path in sorted(counted.items())]


def unmerged(folder: Place, table: str) -> list[int]:
    """Return the numbers of the parts that no copy holds, in order."""
    covered = {number for first, last in _copies(folder, table) for number in range(first, last + 1)}
    return sorted(_parts(folder, table).keys() - covered)


def _parts(folder: Place, table: str) -> dict[int, Place]:
    found = ((part_range(path), path) for path in (folder / table).glob("part-*.parquet"))
    return {bounds[0]: path for bounds, path in found if bounds is not None}


def _copies(folder: Place, table: str) -> dict[tuple[int, int], Place]:
    """Return the copies by the range that they hold; of two that overlap, which no single driver makes, the first alone."""
    found = ((part_range(path), path) for path in (folder / table / MERGED).glob("part-*.parquet"))
    copies: dict[tuple[int, int], Place] = {}
    reached = -1
    ranges = {bounds: path for bounds, path in found if bounds is not None}
    for (first, last), path in sorted(ranges.items()):
        if first > reached:
            copies[first, last] = path
            reached = last
    return copies

"""CUB-200-2011 as a folder of train/CLASS/* and test/CLASS/* that a sweep's data: names.

Unpack CUB_200_2011.tgz of https://data.caltech.edu/records/65de6-vp158, then:

    python examples/cub200.py CUB_200_2011 data/cub200
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def main() -> None:
    """Copy each image into the part that the data set's own list puts it in."""
    source, target = map(Path, sys.argv[1:])
    files = dict(line.split() for line in (source / "images.txt").read_text().splitlines())
    for line in (source / "train_test_split.txt").read_text().splitlines():
        number, is_train = line.split()
        path = target / ("train" if is_train == "1" else "test") / files[number]
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / "images" / files[number], path)


if __name__ == "__main__":
    main()

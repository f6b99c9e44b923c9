"""Kuzushiji-49 as one NPZ file that a sweep's data: names.

Put the four files of http://codh.rois.ac.jp/kmnist/dataset/k49/ (k49-train-imgs.npz, k49-train-labels.npz, k49-test-imgs.npz and
k49-test-labels.npz) into a folder, then:

    python examples/k49.py FOLDER data/k49.npz
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np


def main() -> None:
    """Join the arrays of the four files under the names that Stillhouse reads."""
    folder, target = map(Path, sys.argv[1:])
    kinds = {"inputs": "imgs", "labels": "labels"}
    names = {
        f"{part}_{ours}": f"k49-{part}-{theirs}.npz" for part in ("train", "test") for ours, theirs in kinds.items()
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(target, **{ours: np.load(folder / theirs)["arr_0"] for ours, theirs in names.items()})


if __name__ == "__main__":
    main()

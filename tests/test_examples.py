"""The examples run as they are printed."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from distiller.data import class_names, describe

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_iris_prototypes_print_their_accuracy_and_draw_their_regions(tmp_path):
    picture = tmp_path / "iris.png"
    command = [sys.executable, EXAMPLES / "iris_prototypes.py", picture]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=EXAMPLES.parent).stdout
    accuracies = {name: float(mean) for name, mean in re.findall(r"^(.*): ([\d.]+) %", printed, re.MULTILINE)}
    assert accuracies["2 points, soft labels"] >= 94
    assert accuracies["2 points, one-hot labels"] < 70
    assert Image.open(picture).width > 600
    assert picture.stat().st_size < 60_000


def run(*arguments):
    subprocess.run([sys.executable, *arguments], check=True, cwd=EXAMPLES.parent)


def test_k49_becomes_one_file_that_is_read(tmp_path):
    for part, count in (("train", 98), ("test", 49)):
        images = np.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=np.uint8)
        np.savez(tmp_path / f"k49-{part}-imgs.npz", images)
        np.savez(tmp_path / f"k49-{part}-labels.npz", (np.arange(count) % 49).astype(np.uint8))
    run(EXAMPLES / "k49.py", tmp_path, tmp_path / "data" / "k49.npz")
    found = describe(str(tmp_path / "data" / "k49.npz"))
    assert (found.classes, found.shape, found.train, found.test) == (49, (1, 28, 28), 98, 49)


def test_cub_becomes_a_folder_by_its_own_split(tmp_path):
    source = tmp_path / "CUB_200_2011"
    names = [f"{number:03}.Bird_{number}/{index}.jpg" for number in (1, 2) for index in range(3)]
    for name in names:
        (source / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 30)).save(source / "images" / name)
    (source / "images.txt").write_text("".join(f"{row} {name}\n" for row, name in enumerate(names, 1)))
    (source / "train_test_split.txt").write_text("".join(f"{row} {row % 3 and 1}\n" for row in range(1, 7)))
    run(EXAMPLES / "cub200.py", source, tmp_path / "cub200")
    found = describe(f"{tmp_path / 'cub200'}@32")
    assert (found.classes, found.shape, found.train, found.test) == (2, (3, 32, 32), 4, 2)
    assert class_names(str(tmp_path / "cub200")) == ["001.Bird_1", "002.Bird_2"]

"""The examples run as they are printed."""

import re
import subprocess
import sys
from pathlib import Path

from PIL import Image

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

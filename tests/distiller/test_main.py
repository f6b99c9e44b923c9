import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from distiller.__main__ import main
from distiller.distilled import Distilled

RECIPE = {
    "data": "digits",
    "network": "lenet",
    "steps": 2,
    "outer_steps": 3,
    "batch": 32,
    "validation": 300,
    "labels": "soft",
}


def write(folder, name="recipe.json", **changes):
    path = folder / name
    path.write_text(json.dumps(RECIPE | changes))
    return path


def test_one_command_distils_and_evaluates(tmp_path):
    write(tmp_path, "recipe.yaml")  # JSON is YAML 1.2
    command = [sys.executable, "-m", "distiller", "recipe.yaml", "--out", "set.safetensors", "--inits", "3"]
    # A fresh interpreter in which none of the orchestrator's libraries can be imported.
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nfor name in ('ray', 'optuna', 'pyarrow', 'rich', 'click', 'pydantic'): sys.modules[name] = None\n"
    )
    paths = f"{tmp_path}:{Path(__file__).parents[2]}"
    ended = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env={"PYTHONPATH": paths}, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "outer step 3/3" in ended.stdout
    assert re.search(r"^validation: \d+\.\d\d ± \d+\.\d\d %, 3 random initialisations$", ended.stdout, re.MULTILINE)
    assert re.search(r"^test: ", ended.stdout, re.MULTILINE)
    assert len(Distilled.load(tmp_path / "set.safetensors")) == 20


def test_a_state_that_is_there_is_gone_on_with(tmp_path, capsys):
    out, state = tmp_path / "set.safetensors", tmp_path / "state.safetensors"
    options = ["--out", str(out), "--inits", "1", "--state", str(state)]
    assert main([str(write(tmp_path)), *options]) == 0
    digest = Distilled.load(out).digest()
    capsys.readouterr()
    assert main([str(write(tmp_path)), *options]) == 0
    assert "outer step" not in capsys.readouterr().out  # nothing was left to do
    assert Distilled.load(out).digest() == digest


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (json.dumps(RECIPE | {"step": 1}), "recipe.json.step: unknown key"),
        (json.dumps(RECIPE | {"data": "mnits"}), "mnist"),
        (json.dumps(RECIPE | {"network": "lenot"}), "lenet"),
        ("{", "recipe.json"),
        ("[]", "expected keys and values"),
    ],
)
def test_bad_recipes_are_one_line(tmp_path, capsys, text, says):
    path = tmp_path / "recipe.json"
    path.write_text(text)
    assert main([str(path), "--out", str(tmp_path / "set.safetensors")]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_divergence_ends_with_a_reason(tmp_path, capsys):
    assert main([str(write(tmp_path, distill_lr=1e20)), "--out", str(tmp_path / "set.safetensors")]) == 1
    assert "not finite" in capsys.readouterr().err

import errno
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from distiller.__main__ import main
from distiller.data import load
from distiller.distill import start
from distiller.distilled import Distilled
from distiller.recipe import Recipe
from distiller.state_file import read_state, write_state

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


def refused(capsys, path, *options):
    """Run what has to be refused before it distils anything; return the one line that says why."""
    assert main([str(path), *map(str, options)]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "outer step" not in said.out
    return said.err


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"classes": [3, 12]}, "recipe.json.classes: 12 is no class of digits; expected some of 0 to 9"),
        ({"inputs": "real", "per_class": 500}, "lower steps or per_class"),
        ({"network": "convnet3", "backend": "batched"}, "backend loop or vmap"),
        pytest.param(
            {"device": "cuda"},
            "recipe.json.device: ",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here"),
        ),
    ],
)
def test_a_recipe_that_does_not_fit_is_one_line(tmp_path, capsys, changes, says):
    assert says in refused(capsys, write(tmp_path, **changes), "--out", tmp_path / "set.safetensors")
    assert not (tmp_path / "set.safetensors").exists()


def test_options_are_checked_before_any_work(tmp_path, capsys):
    # The recipe is not even read: there is none.
    recipe, absent = tmp_path / "no-recipe.json", tmp_path / "absent" / "file"
    assert "no folder" in refused(capsys, recipe, "--out", absent)
    assert "no folder" in refused(capsys, recipe, "--out", tmp_path / "set", "--state", absent)
    assert "cannot be written" in refused(capsys, recipe, "--out", tmp_path)
    assert "--inits: expected at least 1" in refused(capsys, recipe, "--out", tmp_path / "set", "--inits", "0")


def test_a_recipe_that_is_not_utf8_is_one_line(tmp_path, capsys):
    path = tmp_path / "recipe.yaml"
    path.write_bytes(b"data: \xff\xfe")
    assert "recipe.yaml: 'utf-8'" in refused(capsys, path, "--out", tmp_path / "set.safetensors")


def test_a_state_of_another_recipe_or_damaged_is_refused_and_left_alone(tmp_path, capsys):
    out, state = tmp_path / "set.safetensors", tmp_path / "state.safetensors"
    options = ["--out", out, "--inits", "1", "--state", state]
    assert main([str(write(tmp_path)), *map(str, options)]) == 0
    capsys.readouterr()
    whole = state.read_bytes()
    # Shapes are the same; only the digest tells these two recipes apart.
    assert "another recipe" in refused(capsys, write(tmp_path, outer_lr=0.02), *options)
    for damaged in (whole[: len(whole) // 2], whole[:5], b"", b"x" * 100, out.read_bytes()):
        state.write_bytes(damaged)
        assert f"{state}: damaged" in refused(capsys, write(tmp_path), *options)
        assert state.read_bytes() == damaged
    assert [path for path in tmp_path.iterdir() if ".tmp" in path.name] == []


def test_a_state_file_that_cannot_be_replaced_stays_whole(tmp_path, monkeypatch):
    recipe = Recipe.parse(RECIPE)
    before = start(recipe, load(recipe.data, recipe.validation))
    path = tmp_path / "state.safetensors"
    write_state(path, recipe, before)

    def full(self, payload):
        with self.open("wb") as file:
            file.write(payload[: len(payload) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_state(path, recipe, before)
    kept = read_state(path, recipe)
    assert torch.equal(kept.learned["inputs"], before.learned["inputs"])
    assert list(tmp_path.iterdir()) == [path]

"""Imports run one way between the four packages, and `distiller` knows nothing of how it is run."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_USE = {
    "distiller": set(),
    "cluster": set(),
    "sweeps": {"distiller"},
    "orchestrator": {"sweeps", "distiller", "cluster"},
}
NOT_THEIRS = {
    "distiller": {"ray", "optuna", "pyarrow", "duckdb", "rich", "click", "pydantic"},
    "cluster": {"optuna", "pyarrow", "duckdb", "torch"},
    "sweeps": {"ray", "optuna", "pyarrow", "duckdb", "torch", "rich", "click"},
    "orchestrator": set(),
}


def imported(path):
    """Return the top-level names that a file imports anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("package", MAY_USE)
def test_a_package_uses_only_those_below_it(package):
    files = sorted((ROOT / package).rglob("*.py"))
    assert files, f"{package} has no files"
    forbidden = (set(MAY_USE) - MAY_USE[package] - {package}) | NOT_THEIRS[package]
    found = {
        (path.relative_to(ROOT).as_posix(), name) for path in files for name in imported(path) if name in forbidden
    }
    assert not found


def test_a_sweep_is_read_without_torch():
    code = "import sys, sweeps; sweeps.read('quickstart'); print({'torch', 'ray', 'numpy'} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
        == "set()\n"
    )


def test_every_room_of_the_design_has_its_name():
    rooms = {
        "distiller": "recipe seeds distilled unroll distill evaluate baselines data networks",
        "orchestrator": "plan search schedule executor tasks records progress report query cli",
        "cluster": "attach",
        "sweeps": "schema",
    }
    for package, names in rooms.items():
        for name in names.split():
            room = ROOT / package / name
            assert room.with_suffix(".py").exists() or (room / "__init__.py").exists(), f"{package} has no {name}"

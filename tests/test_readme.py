"""The README's Python blocks run, one after another in one folder, as a reader would type them."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_python_blocks_run(tmp_path):
    found = blocks("python")
    assert len(found) >= 3
    for block in found:
        # A block that starts with a file's name is that file.
        name = re.match(r"# (\w+\.py)\n", block)
        path = tmp_path / (name.group(1) if name else "block.py")
        path.write_text(block, encoding="utf-8")
        if name is None:
            ended = subprocess.run([sys.executable, path], cwd=tmp_path, capture_output=True, text=True, check=False)
            assert ended.returncode == 0, f"{block}\n{ended.stderr}"
            if "and in the run" in block:
                check_trained_by_hand_as_in_the_run(ended.stdout)


def check_trained_by_hand_as_in_the_run(printed):
    """Networks that the README's own loop trained come to the accuracies of the run's rows."""
    pairs = re.findall(r"^(\d\.\d+), and in the run (\d\.\d+)$", printed, re.MULTILINE)
    assert len(pairs) == 5
    assert all(by_hand == in_the_run for by_hand, in_the_run in pairs), printed
    assert len(set(pairs)) > 1, "equal figures all along say little"


def test_yaml_blocks_are_sweeps_that_are_read(tmp_path, monkeypatch):
    from sweeps import read

    monkeypatch.chdir(tmp_path)
    found = blocks("yaml")
    assert found
    for block in found:
        (tmp_path / "sweep.yaml").write_text(block, encoding="utf-8")
        assert read("./sweep.yaml").recipe


def test_shell_blocks_name_commands_and_options_that_exist():
    from click.testing import CliRunner

    from orchestrator.cli import cli

    runner = CliRunner()
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("stillhouse ")]
    assert lines
    for line in lines:
        command, *arguments = line.split("#")[0].split()[1:]
        help_text = runner.invoke(cli, [command, "--help"]).output
        for option in (argument for argument in arguments if argument.startswith("--")):
            assert option in help_text, line


def test_sweeps_that_shell_blocks_run_are_shipped():
    from sweeps import shipped

    names = {each.name for each in shipped()}
    told = set(re.findall(r"^stillhouse (?:run|plan) (\S+)", "".join(blocks("sh")), re.MULTILINE))
    assert len(told) > 2
    assert told <= names

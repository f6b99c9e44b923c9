import importlib.metadata
import json

import torch

from orchestrator import environment as module
from orchestrator.environment import environment


def test_a_package_without_metadata_is_null(monkeypatch, tmp_path):
    bare = tmp_path / "bare-1.0.dist-info"
    bare.mkdir()
    (bare / "METADATA").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(module, "_PACKAGES", ("torch", "no-such-distribution", "bare"))
    assert environment(2)["packages"] == {
        "torch": importlib.metadata.version("torch"),
        "no-such-distribution": None,
        "bare": None,
    }


def test_it_is_json_and_says_what_it_ran_on():
    found = json.loads(json.dumps(environment(2)))
    assert found["slots"] == 2
    assert found["packages"]["torch"] == importlib.metadata.version("torch")
    assert torch.__version__.startswith(found["packages"]["torch"].partition("+")[0])


def test_outside_a_repository_there_is_no_commit(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert environment(1)["git"] is None


def test_a_password_in_the_command_is_left_out(monkeypatch):
    monkeypatch.setattr("sys.argv", ["stillhouse", "run", "--set", "search.warm_start.storage=mysql://me:hush@host/db"])
    assert environment(1)["command"][-1] == "search.warm_start.storage=mysql://me@host/db"

import json
import struct

import pytest

pytest.importorskip("wandb", reason="wandb is not installed: pip install -e '.[wandb]'")

from wandb.proto.wandb_internal_pb2 import Record

from orchestrator.mirroring import mirror
from orchestrator.mirrors.mirror import MirrorError
from tests.orchestrator.mirrors.grown_run import begin, go_on

_BLOCK, _HEADER = 32768, 7


@pytest.fixture(autouse=True)
def _offline(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))


def records(path):
    """Yield the records of what an offline run leaves: a log as LevelDB has it, after a header of its own."""
    data, place, whole = path.read_bytes(), _HEADER, b""
    while place + _HEADER <= len(data):
        if _BLOCK - place % _BLOCK < _HEADER:
            place += _BLOCK - place % _BLOCK
        _, length, kind = struct.unpack_from("<IHB", data, place)
        whole += data[place + _HEADER : place + _HEADER + length]
        place += _HEADER + length
        if kind in (1, 4):  # whole, or the last of several parts
            yield Record.FromString(whole)
            whole = b""


def given(folder):
    """Return what W&B was given, by the run's name: its records."""
    paths = sorted((folder / "wandb").glob("offline-run-*/*.wandb"))
    found = [list(records(path)) for path in paths]
    return {
        next(each.run.display_name for each in one if each.WhichOneof("record_type") == "run"): one for one in found
    }


def values(items):
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}


def history(one, name):
    rows = [values(each.history.item) for each in one if each.WhichOneof("record_type") == "history"]
    return {row["_step"]: row[name] for row in rows if name in row}


def test_what_has_ended_is_given_once(tmp_path):
    folder = begin(tmp_path / "run")
    assert [mirror(folder, "wandb:project") for _ in range(2)] == [1, 0]
    assert sorted(given(tmp_path)) == ["accuracies", "trial-0000"]
    go_on(folder)
    # Trial 2 is at work; trial 0 was distilled anew by the final.
    assert [mirror(folder, "wandb:project") for _ in range(2)] == [2, 0]
    assert sorted(given(tmp_path)) == ["accuracies", "trial-0000", "trial-0000-run-1", "trial-0001"]


def test_a_trial_has_its_curve_and_its_figures(tmp_path):
    folder = begin(tmp_path / "run")
    go_on(folder)
    mirror(folder, "wandb:project")
    found = given(tmp_path)
    best = found["trial-0000"]
    assert history(best, "distillation/accuracy") == {step: step / 1000 for step in range(5)}
    (about,) = [each.run for each in best if each.WhichOneof("record_type") == "run"]
    assert (about.project, about.run_group) == ("project", "small")
    summary = {
        key: value
        for each in best
        if each.WhichOneof("record_type") == "summary"
        for key, value in values(each.summary.update).items()
    }
    assert (summary["accuracy_mean"], summary["status"]) == (0.8, "complete")
    assert list(history(found["trial-0000-run-1"], "distillation/loss/run-1")) == [0, 1, 2, 3]
    (table,) = (tmp_path / "wandb").glob("offline-run-*-accuracies/files/media/table/*.table.json")
    rows = json.loads(table.read_bytes())["data"]
    assert ["trial-0000", "final", "test", "lenet", 0, 2, 0.75] in [row[:-1] for row in rows]


def test_a_project_has_one_name(tmp_path):
    with pytest.raises(MirrorError, match="expected PROJECT or ENTITY/PROJECT"):
        mirror(begin(tmp_path / "run"), "wandb:a/b/c")

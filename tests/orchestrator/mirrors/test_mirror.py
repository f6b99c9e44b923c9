import sys

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from orchestrator.lease import Lease
from orchestrator.mirroring import mirror
from orchestrator.mirrors.mirror import KINDS, MirrorError, open_mirror
from orchestrator.mirrors.story import read_story
from orchestrator.opening import RunError, open_run
from tests.orchestrator.mirrors.grown_run import begin, go_on


@pytest.mark.parametrize("target", ["", "optuna", "optuna:", "prometheus:x", "/a/path"])
def test_a_place_of_no_kind_is_named_with_all_kinds(target):
    with pytest.raises(MirrorError, match="expected KIND:PLACE") as refusal:
        open_mirror(target)
    assert all(f"{kind}: " in str(refusal.value) for kind in KINDS)


@pytest.mark.parametrize("kind", ["tensorboard", "mlflow", "wandb"])
def test_a_package_that_is_absent_is_named_with_the_cure(kind, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == kind or name.endswith(f".{kind}_mirror")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Absent(kind), *sys.meta_path])
    with pytest.raises(MirrorError, match=rf"pip install -e '\.\[{kind}\]'$"):
        open_mirror(f"{kind}:somewhere")


class _Absent:
    """Finds no package of one name."""

    def __init__(self, name):
        self.name = name

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == self.name:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_a_run_is_followed_until_its_driver_is_gone(tmp_path):
    folder, said = begin(tmp_path / "run"), []
    lease = Lease.take(folder)
    looks = iter([lambda: None, lambda: (go_on(folder), lease.release())])
    place = f"optuna:{tmp_path}/study.log"
    changed = mirror(folder, place, follow=True, say=said.append, sleep=lambda seconds: next(looks)())
    assert said == ["new or changed: trial-0000, trial-0001, trial-0002"]
    # What the driver did last is there too: trial 1 has failed, and trial 2's curve has gone on.
    assert changed == 3
    trials = optuna.load_study(
        study_name="small", storage=JournalStorage(JournalFileBackend(f"{tmp_path}/study.log"))
    ).trials
    assert [each.state.name for each in trials] == ["COMPLETE", "FAIL", "RUNNING"]
    assert len(trials[2].intermediate_values) == 6
    assert mirror(folder, place, follow=True) == 0


def test_an_absent_run_is_named(tmp_path):
    with pytest.raises(RunError, match="nowhere"):
        mirror(tmp_path / "nowhere", f"optuna:{tmp_path}/study.log")


def test_a_story_has_what_the_files_have(tmp_path):
    folder = begin(tmp_path / "run")
    go_on(folder)
    trials = {each.number: each for each in read_story(open_run(folder)).trials}
    assert sorted(trials) == [-1, 0, 1, 2]
    assert {curve.run: [point.step for point in curve.points(1)] for curve in trials[0].curves} == {
        0: [2, 3, 4],
        1: [2, 3],
    }
    assert [point.seconds for point in trials[2].curves[0].points()] == [1.5, 3.0, 4.5, 6.0, 7.5, 9.0]
    assert {(m.phase, m.run): list(m.accuracies) for m in trials[0].measured} == {
        ("final", 0): [0.7, 0.8],
        ("final", 1): [0.6],
        ("search", 0): [0.8, 0.82, 0.84, 0.7, 0.9],
    }
    assert (trials[-1].name, trials[2].name, trials[2].row) == ("baselines", "trial-0002", None)

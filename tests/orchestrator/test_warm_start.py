import json
import sqlite3

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial
from tiny_sweep import SWEEP
from written_runs import finished_trials, write_run

from orchestrator import resume, run
from orchestrator.opening import RunError
from orchestrator.searching import search_of
from orchestrator.warm_start import frozen_warm_start, read_warm_start
from sweeps import Sweep, SweepError
from sweeps.error import Place

SPACE = {
    "steps": {"int": [1, 3]},
    "distill_lr": {"float": [0.01, 0.1], "log": True},
    "labels": {"choice": ["hard", "soft"]},
}
KINDS = {
    "steps": IntDistribution(1, 9),
    "distill_lr": FloatDistribution(0.001, 1.0),
    "labels": CategoricalDistribution(["hard", "soft"]),
    "batch_norm": IntDistribution(0, 1),
}


def sweep(**search):
    return Sweep.model_validate(SWEEP | {"search": {"trials": 3, "lag": 2, "space": SPACE} | search, "baselines": []})


def trial(value=0.5, state=TrialState.COMPLETE, **params):
    params = {"steps": 2, "distill_lr": 0.02, "labels": "soft"} | params
    kinds = {name: KINDS[name] for name in params}
    values = {"value": value} if state == TrialState.COMPLETE else {}
    return create_trial(params=params, distributions=kinds, state=state, **values)


TRIALS = [
    trial(0.5),
    trial(0.6, steps=3, batch_norm=1),
    trial(0.9, steps=7),
    trial(state=TrialState.FAIL),
    trial(float("inf")),
    create_trial(params={"steps": 1}, distributions={"steps": KINDS["steps"]}, value=0.4),
]


def fill(storage, name="mine", direction="maximize"):
    optuna.create_study(study_name=name, storage=storage, direction=direction).add_trials(TRIALS)


def sqlite(path):
    fill(RDBStorage(f"sqlite:///{path}"))
    return path


def journal(path):
    fill(JournalStorage(JournalFileBackend(str(path))))
    return path


@pytest.mark.parametrize("make", [sqlite, journal])
def test_a_study_is_read_and_what_is_no_use_is_counted(tmp_path, make):
    path = make(tmp_path / "storage")
    before, names = path.read_bytes(), sorted(tmp_path.iterdir())
    found = read_warm_start(sweep(warm_start={"storage": str(path)}))
    assert [each.params["steps"] for each in found.trials] == [2, 3]
    assert [each.values for each in found.trials] == [(0.5,), (0.6,)]
    assert all(each.params.keys() == SPACE.keys() for each in found.trials)
    assert found.left_out == {
        "outside the space": 2, "not complete": 1, "without a finite value for each objective": 1,
    }  # fmt: skip
    assert frozen_warm_start(json.dumps(found.plain()).encode()) == found
    assert (path.read_bytes(), sorted(tmp_path.iterdir())) == (before, names)  # nothing is written


def test_sqlite_by_its_url_and_a_journal_whose_last_line_is_torn(tmp_path):
    url = f"sqlite:///{sqlite(tmp_path / 'a.db')}"
    whole = read_warm_start(sweep(warm_start={"storage": url, "study": "mine"}))
    path = journal(tmp_path / "journal")
    with path.open("ab") as file:
        file.write(b'{"op_code": 5, "wor')
    assert read_warm_start(sweep(warm_start={"storage": str(path)})).trials == whole.trials


def test_another_runs_trials_are_known_by_their_whole_recipes(tmp_path):
    folder = write_run(tmp_path / "other", trials=finished_trials())  # its labels are hard, its distill_lr 0.02
    found = read_warm_start(sweep(warm_start={"run": str(folder)}))
    assert [each.values for each in found.trials] == [(0.80,), (0.85,)]
    assert found.trials[0].params == {"distill_lr": 0.02, "labels": "hard", "steps": 2}
    assert found.left_out == {"not complete": 2}


def test_a_run_starts_from_it_and_resumes_without_it(tmp_path):
    path = tmp_path / "a.db"
    study = optuna.create_study(study_name="mine", storage=RDBStorage(f"sqlite:///{path}"), direction="maximize")
    study.add_trials([trial(0.5 + n / 100, distill_lr=0.01 + n / 1000) for n in range(12)])
    given = sweep(warm_start={"storage": str(path)}).search.plain()
    final = {"validation": 1200, "inits": 2, "final": {"inits": 2}}
    begun = Sweep.model_validate(SWEEP | {"search": given | {"trials": 1}, "evaluate": final, "baselines": []})
    known = read_warm_start(begun).trials
    assert run(begun, tmp_path / "run", inline=True).done
    path.unlink()
    finished = resume(tmp_path / "run", trials=2, inline=True)
    warm, cold = search_of(begun, known=known), search_of(begun)
    asked = [params["params"] for params in finished.table("trials").sort_by("trial").to_pylist()]
    assert asked == [warm.ask(n, {}) for n in range(2)] != [cold.ask(n, {}) for n in range(2)]
    (tmp_path / "run" / "warm_start.json").unlink()
    with pytest.raises(RunError, match=r"warm_start\.json: damaged \(FileNotFoundError.*put it back from a copy"):
        resume(tmp_path / "run", trials=3, inline=True)


@pytest.mark.parametrize(
    "given, says",
    [
        ({"storage": "nowhere.db"}, "search.warm_start: nowhere.db: there is no such file"),
        ({"storage": "a.db", "study": "yours"}, "a.db: no study is named yours; there are: mine, other"),
        ({"storage": "a.db"}, "a.db: holds mine, other; name one with study:"),
        ({"storage": "a.db", "study": "other"}, "does minimize; expected one to maximize accuracy"),
        ({"storage": "text"}, "text: cannot be read as a storage of Optuna's: "),
        ({"storage": "other.db"}, "other.db: cannot be read as a storage of Optuna's: "),
        ({"run": "nowhere"}, "search.warm_start: nowhere: holds no run"),
        (
            {"storage": "postgresql://me:hush@localhost:1/db"},
            "postgresql://me@localhost:1/db: cannot be read as a storage",
        ),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, monkeypatch, given, says):
    monkeypatch.chdir(tmp_path)
    sqlite("a.db")
    fill(RDBStorage("sqlite:///a.db"), "other", "minimize")
    (tmp_path / "text").write_text("not a journal\nat all\n")
    sqlite3.connect("other.db").executescript("CREATE TABLE mine (a INT); INSERT INTO mine VALUES (1);")
    with pytest.raises(RunError) as refusal:
        read_warm_start(sweep(warm_start=given))
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert "hush" not in str(refusal.value)


def test_no_trial_of_use_is_refused(tmp_path):
    narrow = SPACE | {"steps": {"int": [8, 9]}}
    with pytest.raises(RunError, match=r"0 trials of study mine .*; left out: .*; expected some in search\.space"):
        read_warm_start(sweep(space=narrow, warm_start={"storage": str(sqlite(tmp_path / "a.db"))}))


def test_a_password_is_kept_out_of_what_is_frozen_and_said():
    url = "mysql+pymysql://me:h%2Fush@host/db?ssl=1&password=hush"
    secret = sweep(warm_start={"storage": url})
    assert secret.search.warm_start.storage == url  # it is read with that, at the start
    assert secret.frozen()["search"]["warm_start"]["storage"] == "mysql+pymysql://me@host/db?ssl=1&password=***"
    assert Sweep.thaw(secret.frozen()).digest() == secret.digest()
    assert "ush" not in str(SweepError(Place(f"--set search.warm_start={url}"), ("search",), f"got {url}"))

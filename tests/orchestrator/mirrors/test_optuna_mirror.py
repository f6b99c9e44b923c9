import optuna
import pyarrow as pa
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from orchestrator.mirroring import mirror
from orchestrator.mirrors.mirror import MirrorError
from orchestrator.records import Records, schema_of
from tests.orchestrator.written_runs import PARAMS, evaluations, finished_trials, point, trial, write_run

MIXED = """
recipe: {data: digits, network: lenet, outer_steps: 1000}
search:
  trials: 4
  space:
    outer_decay: {choice: [null, cosine, {every: 40, factor: 0.5}]}
    inputs: {choice: [noise, real]}
evaluate: {validation: 360, inits: 3}
"""
SEVERAL = """
recipe: {data: digits, network: lenet, outer_steps: 10}
search: {trials: 4, objectives: [accuracy, examples], space: {steps: {int: [1, 5]}}}
evaluate: {validation: 360, inits: 3}
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Return the URL of a storage that has its tables: making them takes a second."""
    url = f"sqlite:///{tmp_path_factory.mktemp('storage')}/study.db"
    optuna.storages.RDBStorage(url)
    return url


def accuracies(number, steps, name="accuracy"):
    return [point(number, 0, step) | {name: step / 1000} for step in steps]


def append(folder, table, rows):
    """Commit more rows, as the driver does."""
    records = Records(folder, PARAMS)
    records.append(table, [{key: row[key] for key in schema_of(table).names} for row in rows])
    records.flush()


def study(storage, name="small"):
    return optuna.load_study(study_name=name, storage=storage)


@pytest.mark.parametrize("kind", ["database", "journal"])
def test_a_growing_run_is_told_once(tmp_path, database, kind):
    place = database if kind == "database" else str(tmp_path / "study.log")
    storage = database if kind == "database" else JournalStorage(JournalFileBackend(place))
    folder = write_run(
        tmp_path / "run", trials=finished_trials()[:1], curves=accuracies(0, (0, 5)) + accuracies(2, (0, 1)), name=kind
    )
    assert mirror(folder, f"optuna:{place}") == 3
    assert mirror(folder, f"optuna:{place}") == 0
    first = study(storage, kind)
    # Trial 1 has left nothing yet, but later ones have their numbers.
    assert [each.state for each in first.trials] == [TrialState.COMPLETE, TrialState.RUNNING, TrialState.RUNNING]
    assert first.trials[2].intermediate_values == {0: 0.0, 1: 0.001}
    before = first.trials[0]

    append(folder, "curves", accuracies(2, (2,)))
    assert mirror(folder, f"optuna:{place}") == 1
    rows = finished_trials()[1:]
    for row in rows:
        row["recipe"] = "{}"
    append(folder, "trials", rows)
    assert mirror(folder, f"optuna:{place}") == 3
    assert mirror(folder, f"optuna:{place}") == 0

    last = study(storage, kind)
    states = [TrialState.COMPLETE, TrialState.COMPLETE, TrialState.FAIL, TrialState.FAIL]
    assert [each.state for each in last.trials] == states
    assert last.trials[0] == before
    assert (last.best_trial.number, last.best_value) == (1, 0.85)
    assert last.trials[1].params == {"steps": 2, "outer_lr": 0.0123456}
    assert last.trials[1].distributions["outer_lr"] == optuna.distributions.FloatDistribution(0.001, 0.1, log=True)
    told = last.trials[1].user_attrs
    assert (told["inits"], told["accuracy_sd"], told["distilled"]) == (3, 0.03, "1" * 64)
    assert last.trials[2].user_attrs["cause"] == "memory"
    assert last.trials[2].intermediate_values == {0: 0.0, 1: 0.001, 2: 0.002}


def test_raced_out_is_a_result_and_pruned_is_not(tmp_path, database):
    rungs = [row for rung in (4, 7) for row in evaluations(f"rung/{rung}", [0.2, 0.25, 0.3 + rung], split="validation")]
    rows = [trial(0, 0.4, status="pruned", objectives=None), trial(1, 0.5, status="raced_out")]
    folder = write_run(tmp_path / "run", trials=rows, evaluations=rungs, curves=accuracies(0, (0, 1)), name="raced")
    mirror(folder, f"optuna:{database}")
    pruned, raced_out = study(database, "raced").trials
    assert (pruned.state, raced_out.state, raced_out.value) == (TrialState.PRUNED, TrialState.COMPLETE, 0.5)
    assert pruned.intermediate_values == pytest.approx({4: 4.75 / 3, 7: 7.75 / 3})


def test_a_trial_that_failed_and_was_tried_again_comes_once_more(tmp_path):
    place = f"optuna:{tmp_path}/study.log"
    sweep = write_run(tmp_path / "first", trials=[trial(0, status="failed", cause="memory")])
    mirror(sweep, place)
    # Its row is withdrawn first, and others may be there meanwhile.
    assert mirror(write_run(tmp_path / "meanwhile", curves=accuracies(1, (0,))), place) == 1
    again = write_run(tmp_path / "again", trials=[trial(0, 0.7)])
    assert [mirror(again, place), mirror(again, place)] == [1, 0]
    trials = study(JournalStorage(JournalFileBackend(f"{tmp_path}/study.log"))).trials
    assert [(each.state, each.user_attrs["trial"]) for each in trials] == [
        (TrialState.FAIL, 0),
        (TrialState.RUNNING, 1),
        (TrialState.COMPLETE, 0),
    ]


def test_choices_are_read_as_they_are_written(tmp_path, database):
    params = [
        {"outer_decay": "null", "inputs": "noise"},
        {"outer_decay": '{"every": 40, "factor": 0.5}', "inputs": "real"},
    ]
    rows = [trial(number, 0.5, params=None) for number in (0, 1)]
    folder = tmp_path / "run"
    write_run(folder, MIXED, name="mixed")
    records = Records(folder, pa.struct([("inputs", pa.string()), ("outer_decay", pa.string())]))
    records.append("trials", [row | {"params": each, "recipe": "{}"} for row, each in zip(rows, params, strict=True)])
    records.append("curves", accuracies(0, range(1000)))
    records.flush()
    mirror(folder, f"optuna:{database}")
    found = study(database, "mixed").trials
    assert [each.params for each in found] == params
    assert found[0].distributions["outer_decay"].choices == ("null", '"cosine"', params[1]["outer_decay"])
    # A curve is thinned, by the numbers of its steps.
    assert list(found[0].intermediate_values) == list(range(0, 1000, 40))


def test_several_objectives_have_their_directions(tmp_path, database):
    folder = write_run(tmp_path / "run", SEVERAL, name="several")
    records = Records(folder, pa.struct([("steps", pa.int64())]))
    records.append("trials", [trial(0, 0.5, objectives=[0.5, 20.0], params={"steps": 2}) | {"recipe": "{}"}])
    records.flush()
    mirror(folder, f"optuna:{database}")
    found = study(database, "several")
    assert [each.name for each in found.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert found.best_trials[0].values == [0.5, 20.0]


def test_a_study_of_another_sweep_is_left_alone(tmp_path, database):
    mirror(write_run(tmp_path / "run", name="taken"), f"optuna:{database}")
    other = write_run(tmp_path / "other", SEVERAL, name="taken")
    with pytest.raises(MirrorError, match="another study by the name taken"):
        mirror(other, f"optuna:{database}")
    assert len(study(database, "taken").directions) == 1


def test_a_place_that_cannot_be_opened_is_one_line(tmp_path):
    folder = write_run(tmp_path / "run")
    for place in (f"sqlite:///{tmp_path}/no/such/folder.db", "nonsense://x"):
        with pytest.raises(MirrorError, match="cannot be opened") as refusal:
            mirror(folder, f"optuna:{place}")
        assert "\n" not in str(refusal.value)

import json

import pytest

from orchestrator.importance import importance
from orchestrator.params import params_row, space_of
from sweeps import read
from tests.orchestrator.written_runs import SWEEP, trial


def sweep(tmp_path, text=SWEEP):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    return read(str(path))


def rows(accuracy, count=12):
    found = []
    for number in range(count):
        params = {"steps": 1 + number % 5, "outer_lr": 0.001 * 1.3 ** ((number * 7) % count)}
        found.append(trial(number, accuracy(params), 0.01, 0.01, params=params))
    return found


def test_the_key_that_alone_decides_comes_first(tmp_path):
    found = importance(sweep(tmp_path), rows(lambda params: 0.5 + 0.05 * params["steps"]))
    assert list(found) == ["steps", "outer_lr"]
    assert found["steps"] > 0.9
    assert sum(found.values()) == pytest.approx(1)


def test_it_is_the_same_in_any_order_of_rows(tmp_path):
    trials = rows(lambda params: params["outer_lr"] + 0.01 * params["steps"])
    assert importance(sweep(tmp_path), trials) == importance(sweep(tmp_path), trials[::-1])


@pytest.mark.parametrize(
    "choices", [[None, [0, 1, 2], [3, 4]], ["cosine", None, {"every": 3, "factor": 0.5}], [1, 2, 3]]
)
def test_choices_may_be_anything(tmp_path, choices):
    key = {list: "classes", type(None): "outer_decay"}.get(type(choices[1]), "epochs")
    given = sweep(tmp_path, SWEEP.replace("steps: {int: [1, 5]}", f"{key}: {{choice: {json.dumps(choices)}}}"))
    trials = []
    for number in range(9):
        # As a run's rows hold them: lists, mappings and mixed kinds in JSON.
        params = params_row(space_of(given), {key: choices[number % 3], "outer_lr": 0.01 + 0.001 * number})
        trials.append(trial(number, 0.2 * (number % 3) + 0.1, 0.01, 0.01, params=params))
    assert next(iter(importance(given, trials))) == key


def test_what_cannot_be_told_is_not_told(tmp_path):
    assert importance(sweep(tmp_path), rows(lambda params: 0.5)) == {}, "all are equal"
    assert importance(sweep(tmp_path), rows(lambda params: params["steps"] / 9, count=3)) == {}, "three are too few"
    assert importance(sweep(tmp_path), [trial(0, status="failed")]) == {}

import json
import math
from statistics import stdev

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from written_runs import (
    SWEEP,
    WITHOUT_SEARCH,
    baseline_rows,
    evaluations,
    final_rows,
    finished_trials,
    point,
    search_rows,
    trial,
    tune_rows,
    write_events,
    write_run,
    write_whole_run,
)  # fmt: skip

from orchestrator.estimate import Estimate
from orchestrator.summary import summary, to_json


def test_the_headline_of_a_whole_run(tmp_path):
    found = summary(write_whole_run(tmp_path / "run"))
    headline = found.headline
    assert (headline.trial, headline.network, headline.runs) == (1, "lenet", (0,))
    assert headline.validation == Estimate(0.85, 3, 1, 0.03, None, 0.0173)
    sd = math.sqrt(0.002 / 3)
    assert headline.test == Estimate(pytest.approx(0.83), 4, 1, pytest.approx(sd), None, pytest.approx(sd / 2))
    assert headline.optimism == pytest.approx(0.02)
    assert headline.accuracy_before == pytest.approx(0.1)
    assert headline.distilled == (f"distilled/{'1' * 64}.parquet",)
    assert found.baselines[0].margin == pytest.approx(0.23)


def test_nothing_is_dropped_in_silence(tmp_path):
    found = summary(write_whole_run(tmp_path / "run"))
    assert found.statuses == {"complete": 2, "failed": 1, "diverged": 1}
    assert found.failures == {"memory": 1}
    # Best first, those without a result last; each with its reason.
    assert [t.trial for t in found.trials] == [1, 0, 2, 3]
    assert "CUDA" in found.trials[2].error
    assert (found.trials_total, found.networks, found.stage) == (4, 44, "done")


def test_cost_is_what_devices_did_and_the_wall_leaves_pauses_out(tmp_path):
    folder = write_whole_run(tmp_path / "run")
    assert summary(folder).cost.wall is None
    write_events(
        folder, (0, "driver_started"), (90, "stopped"), (600, "driver_started"), (660, "job_finished"), (661, "done")
    )
    cost = summary(folder).cost
    # Four trials of 20 s; four, 30 and four networks of 0.5 s.
    assert (cost.search, cost.final, cost.baselines, cost.other) == (80, 2, 17.0, 0)
    assert cost.devices == 99.0
    assert cost.wall == 90 + 61


def test_a_run_that_has_just_begun(tmp_path):
    found = summary(write_run(tmp_path / "run"))
    assert (found.headline, found.trials, found.finals, found.baselines) == (None, (), (), ())
    assert (found.stage, found.trials_total, found.cost.devices) == ("search", 4, 0)


def test_one_trial_has_a_search_mean_and_nothing_else(tmp_path):
    found = summary(write_run(tmp_path / "run", SWEEP, finished_trials()[:1], search_rows()[:3]))
    assert (found.headline.trial, found.headline.validation.mean) == (0, 0.80)
    assert (found.headline.test, found.headline.optimism) == (None, None)
    assert found.headline.distilled == (f"distilled/{'0' * 64}.parquet",)


def test_only_failed_and_diverged_trials(tmp_path):
    found = summary(write_run(tmp_path / "run", SWEEP, finished_trials()[2:]))
    assert found.headline is None
    assert found.failures == {"memory": 1}
    assert [t.accuracy for t in found.trials] == [None, None]


def test_no_search_and_a_fixed_initialisation(tmp_path):
    trials = [trial(0, 0.96, n=1, params=None)]
    values = {0: 0.97, 1: 0.94, 2: 0.96}
    rows = [
        row for run, value in values.items() for row in evaluations("final", [value], run=run, distilled=str(run) * 64)
    ]
    curves = [point(0, run, step) for run in (1, 2) for step in range(10)]
    found = summary(write_run(tmp_path / "run", WITHOUT_SEARCH, trials, rows, curves))
    # One network a run: no spread of networks. Nothing was searched, so that run 0 counts as the others do.
    assert found.headline.validation == Estimate(0.96, 1, 1, None, None, None)
    assert found.headline.test == Estimate(
        pytest.approx(2.87 / 3),
        3,
        3,
        None,
        pytest.approx(stdev(values.values())),
        pytest.approx(stdev(values.values()) / 3**0.5),
    )
    assert found.headline.init == "fixed"
    assert found.published["accuracy"] == "96.13"
    assert found.published["source"] == "SLDD, Table 2"
    assert found.trials[0].params is None
    assert found.stage == "done"
    # Two runs of ten outer steps of 1.5 s, three networks of 0.5 s.
    assert found.cost.final == 31.5


def test_a_run_that_diverged_in_the_final_is_named(tmp_path):
    rows = evaluations("final", [0.97]) + evaluations("final", [0.94], run=1)
    curves = [point(0, 1, 0), point(0, 2, 0, loss=None)]
    found = summary(write_run(tmp_path / "run", WITHOUT_SEARCH, [trial(0, 0.96, n=1, params=None)], rows, curves))
    assert found.diverged_runs == ((0, 2),)
    assert found.headline.runs == (0, 1)


def test_another_network_is_compared_with_nothing_but_itself(tmp_path):
    # The final trains another network than the search did: the difference would not be optimism.
    rows = final_rows(network="convnet")
    found = summary(write_run(tmp_path / "run", SWEEP, finished_trials(), rows)).headline
    assert (found.network, found.optimism) == ("convnet", None)
    rows = final_rows(network="convnet") + final_rows()
    found = summary(write_run(tmp_path / "both", SWEEP, finished_trials(), rows)).headline
    assert (found.network, found.optimism) == ("lenet", pytest.approx(0.02))


def test_the_first_final_stays_until_the_second_has_begun(tmp_path):
    extended = SWEEP.replace("trials: 4", "trials: 5")
    trials = [*finished_trials(), trial(4, 0.9, 0.01, 0.005)]
    rows = final_rows() + tune_rows() + baseline_rows()
    first = summary(write_run(tmp_path / "a", extended, trials, rows, finals=[4, 5]))
    # Trial 4 is better on validation, but the first final never chose it.
    assert (first.headline.trial, first.headline.phase, len(first.baselines)) == (1, "final", 1)
    rows += final_rows("final/2", 4)
    second = summary(write_run(tmp_path / "b", extended, trials, rows, finals=[4, 5]))
    assert (second.headline.trial, second.headline.phase, second.baselines) == (4, "final/2", ())
    assert [(m.phase, m.trial) for m in second.finals] == [("final", 1), ("final/2", 4)]


def test_the_whole_data_are_the_measure(tmp_path):
    full = evaluations("full", [0.97, 0.99], trial=-1) + evaluations("full", [0.5], trial=-1, network="convnet")
    rows = search_rows() + final_rows() + full
    folder = write_run(tmp_path / "run", SWEEP, finished_trials(), rows)
    for number, examples in ((0, 10), (1, 50)):
        (folder / "distilled").mkdir(exist_ok=True)
        table = pa.table({"step": list(range(examples))})
        pq.write_table(table, folder / "distilled" / f"{str(number) * 64}.parquet")
    found = summary(folder)
    assert [(m.trial, m.network, m.accuracy.n) for m in found.full] == [(-1, "convnet", 1), (-1, "lenet", 2)]
    assert found.headline.ratio.value == pytest.approx(0.83 / 0.98)
    assert found.headline.ratio.full.mean == pytest.approx(0.98)
    assert (found.headline.examples, [t.examples for t in found.trials]) == (50, [50, 10, None, None])
    # On validation trial 0 has 0.80 and trial 1 has 0.85; 90 % of 0.98 is 0.882.
    assert [(size.examples, size.name) for size in found.sizes] == [(None, None)] * 3
    assert summary(write_whole_run(tmp_path / "other")).headline.ratio is None


KEYS = {
    "": "version name about folder digest stage trials_total budgets ended altered statuses failures failed_attempts networks "
    "published attack headline trials objectives front finals diverged_runs baselines full sizes other spared cost",
    "headline": "trial network init phase validation test optimism accuracy_before runs distilled examples ratio "
    "validation_interval test_interval optimism_interval runner_up",
    "trials": "trial status cause params objectives accuracy outer_steps seconds device_seconds attempts "
    "distilled examples error",
    "finals": "phase trial network split runs accuracy accuracy_before by_run attack way",
    "baselines": "name phase network rate neighbours norm accuracy accuracy_before margin margin_se published attack way",
    "cost": "search final baselines other wall",
}


def test_json_has_just_its_documented_keys(tmp_path):
    plain = to_json(summary(write_whole_run(tmp_path / "run")))
    assert plain == json.loads(json.dumps(plain, allow_nan=False))
    for part, keys in KEYS.items():
        value = plain[part] if part else plain
        value = value[0] if isinstance(value, list) else value
        assert list(value) == keys.split(), part
    assert list(plain["headline"]["test"]) == ["mean", "n", "groups", "sd_networks", "sd_groups", "se"]
    assert list(plain["finals"][0]["by_run"][0]) == ["run", "accuracy", "accuracy_before", "distilled"]
    assert plain["version"] == 1


def test_json_has_null_for_what_is_not_finite(tmp_path):
    trials = [trial(0, 0.5, params={"steps": 2, "outer_lr": 0.01}, device_seconds=float("nan"))]
    plain = to_json(summary(write_run(tmp_path / "run", SWEEP, trials)))
    assert plain["trials"][0]["device_seconds"] is None
    json.dumps(plain, allow_nan=False)


def test_figures_do_not_depend_on_the_order_of_rows(tmp_path):
    rows = search_rows() + final_rows() + tune_rows() + baseline_rows()
    one = to_json(summary(write_run(tmp_path / "a", SWEEP, finished_trials(), rows)))
    other = to_json(summary(write_run(tmp_path / "b", SWEEP, finished_trials()[::-1], rows[::-1])))
    assert one | {"folder": ""} == other | {"folder": ""}

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

from orchestrator.opening import RunError
from orchestrator.run_files import read_events, read_run

STAGES = [
    (finished_trials()[:3], search_rows(), "search"),
    (finished_trials(), search_rows(), "final"),
    (finished_trials(), search_rows() + final_rows()[:3], "final"),
    (finished_trials(), final_rows(), "baselines"),
    (finished_trials(), final_rows() + tune_rows(), "baselines"),
    (finished_trials(), final_rows() + tune_rows() + baseline_rows()[:3], "baselines"),
    (finished_trials(), final_rows() + tune_rows() + baseline_rows(), "done"),
]


@pytest.mark.parametrize("trials, rows, stage", STAGES)
def test_the_stage_is_the_first_that_lacks_rows(tmp_path, trials, rows, stage):
    assert read_run(write_run(tmp_path / "run", SWEEP, trials, rows)).stage() == stage


def test_a_sweep_of_which_no_trial_is_complete_has_no_final(tmp_path):
    trials = [trial(n, status="failed", cause="user", error="no") for n in range(4)]
    assert read_run(write_run(tmp_path / "run", SWEEP, trials)).stage() == "done"


def test_a_larger_budget_reopens_the_search_and_wants_a_final_of_its_own(tmp_path):
    extended = SWEEP.replace("trials: 4", "trials: 5")
    rows = final_rows() + tune_rows() + baseline_rows()
    five = [*finished_trials(), trial(4, 0.9, 0.01, 0.005)]
    assert read_run(write_run(tmp_path / "a", extended, five[:4], rows, finals=[4, 5])).stage() == "search"
    assert read_run(write_run(tmp_path / "b", extended, five, rows, finals=[4, 5])).stage() == "final"
    rows = rows + final_rows("final/2", 4) + tune_rows("tune/random_real/2") + baseline_rows("baseline/random_real/2")
    assert read_run(write_run(tmp_path / "c", extended, five, rows, finals=[4, 5])).stage() == "done"


def test_a_run_of_the_final_that_diverged_is_not_waited_for(tmp_path):
    trials = [trial(0, 0.96, n=1, params=None)]
    rows = evaluations("final", [0.95]) + evaluations("final", [0.95], run=1)
    curves = [point(0, 1, 0), point(0, 2, 0), point(0, 2, 1, loss=None)]
    files = read_run(write_run(tmp_path / "run", WITHOUT_SEARCH, trials, rows, curves))
    assert files.diverged_runs == {(0, 2)}
    assert files.stage() == "done"
    # Three outer steps of 1.5 s; run 0 is the search's and is counted there.
    assert files.run_seconds == 4.5


def test_the_search_is_counted_but_its_networks_are_not_kept(tmp_path):
    files = read_run(write_whole_run(tmp_path / "run"))
    assert files.networks == 6 + 4 + 30 + 4
    assert len(files.evaluations) == 4 + 30 + 4


def test_a_folder_without_a_run_is_told_in_one_line(tmp_path):
    with pytest.raises(RunError, match=f"{tmp_path}") as caught:
        read_run(tmp_path)
    assert "\n" not in str(caught.value)


def test_events_are_read_but_not_trusted(tmp_path):
    assert read_events(tmp_path) == []
    write_events(tmp_path, (0, "driver_started"), (5, "done"))
    with (tmp_path / "events.jsonl").open("a") as log:
        log.write('not JSON\n{"event": "no time"}\n{"time": 3, "event": "x"}\n[]\n{"time": "2026-01-01T12:0')
    assert [event.name for event in read_events(tmp_path)] == ["driver_started", "done"]

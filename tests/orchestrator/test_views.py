"""The views of a query hold the figures that the report computes."""

import dataclasses

import pytest
from written_runs import (
    SWEEP,
    WITHOUT_SEARCH,
    baseline_rows,
    evaluations,
    final_rows,
    finished_trials,
    search_rows,
    trial,
    tune_rows,
    write_run,
)  # fmt: skip

from orchestrator.interval import interval
from orchestrator.query import query
from orchestrator.summary import summary


def told(folder, phase):
    return query(folder, f"SELECT * FROM estimates WHERE phase = '{phase}' ORDER BY trial, network").to_pylist()


def check(row, accuracy):
    figures = {**dataclasses.asdict(accuracy), "low": None, "high": None}
    if bounds := interval(accuracy):
        figures |= dict(zip(("low", "high"), bounds, strict=True))
    assert {name: row[name] for name in figures} == pytest.approx(figures, nan_ok=True)


def test_estimates_of_runs_and_draws_are_the_reports(tmp_path):
    rows = search_rows() + final_rows() + tune_rows() + baseline_rows()
    rows += final_rows(run=1) + [
        row | {"accuracy": row["accuracy"] - 0.02 * (1 + row["init"] % 3)} for row in final_rows(run=2)
    ]
    folder = write_run(tmp_path / "run", SWEEP, finished_trials(), rows)
    figures = summary(folder)
    (final,) = told(folder, "final")
    assert figures.headline.test.groups == 2, "run 0 does not count"
    check(final, figures.headline.test)
    (baseline,) = told(folder, "baseline/random_real")
    check(baseline, figures.baselines[0].accuracy)
    assert told(folder, "tune/random_real") == []


def test_where_initialisations_are_missing_in_a_run_the_error_is_the_careful_one(tmp_path):
    rows = final_rows(run=1) + evaluations("final", [0.7, 0.9], run=2, trial=1)
    folder = write_run(tmp_path / "run", SWEEP, finished_trials(), search_rows() + rows)
    (final,) = told(folder, "final")
    check(final, summary(folder).headline.test)


def test_where_nothing_is_searched_every_run_counts(tmp_path):
    rows = [row for run in range(3) for row in evaluations("final", [0.9 + run / 100], run=run)]
    folder = write_run(tmp_path / "run", WITHOUT_SEARCH, [trial(0, 0.96, n=1, params=None)], rows)
    (final,) = told(folder, "final")
    assert final["groups"] == 3
    check(final, summary(folder).headline.test)


def test_one_network_has_no_error(tmp_path):
    folder = write_run(
        tmp_path / "run", WITHOUT_SEARCH, [trial(0, 0.96, n=1, params=None)], evaluations("final", [0.9])
    )
    (final,) = told(folder, "final")
    check(final, summary(folder).headline.test)

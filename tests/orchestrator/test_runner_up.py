import math
import random
import statistics
from pathlib import Path

import pytest
from written_runs import evaluations, finished_trials, search_rows, write_run

from orchestrator.figures import point_range
from orchestrator.interval import difference_interval, interval, student_t
from orchestrator.measurement import measurements
from orchestrator.query import query
from orchestrator.runner_up import runner_up
from orchestrator.summary import summary, to_json

QUESTIONS = (Path(__file__).parents[2] / "docs" / "questions.md").read_text(encoding="utf-8")
FINAL_OF_TWO = """
recipe: {data: digits, network: lenet, steps: 2, outer_steps: 10}
search:
  trials: 4
  space:
    steps: {int: [1, 5]}
    outer_lr: {float: [0.001, 0.1], log: true}
evaluate: {validation: 360, inits: 3, final: {top: 2, inits: 4, runs: 2}}
"""


def rows(trial, by_run, **changes):
    found = [evaluations("final", values, trial=trial, run=run, **changes) for run, values in by_run.items()]
    return [row for part in found for row in part]


def test_with_one_run_it_is_the_paired_t_of_the_initialisations():
    winner, second = [0.80, 0.82, 0.90, 0.70], [0.79, 0.80, 0.86, 0.71]
    found = runner_up(rows(1, {0: winner}) + rows(0, {0: second}), "final", 1, 0, "lenet", True)
    gaps = [a - b for a, b in zip(winner, second, strict=True)]
    half = statistics.stdev(gaps) / 2 * 3.182446  # Student's t at 97.5 % and three degrees of freedom
    assert (found.trial, found.split, found.runs, found.ahead.n, found.better) == (0, "test", (0,), 4, 0.75)
    assert found.ahead.mean == pytest.approx(statistics.fmean(gaps))
    assert (found.low, found.high) == pytest.approx((found.ahead.mean - half, found.ahead.mean + half))


def test_further_runs_count_and_only_what_both_have():
    winner = {0: [0.9] * 4, 1: [0.80, 0.82, 0.84, 0.86], 2: [0.70, 0.72, 0.74, 0.76], 3: [0.5] * 4}
    second = {0: [0.1] * 4, 1: [0.79, 0.81, 0.83], 2: [0.66, 0.68, 0.70, 0.72]}
    found = runner_up(rows(1, winner) + rows(0, second), "final", 1, 0, "lenet", True)
    assert (found.runs, found.ahead.n, found.ahead.groups, found.better) == ((1, 2), 7, 2, 1.0)
    assert found.ahead.mean == pytest.approx((0.01 + 0.04) / 2)
    # Two runs whose means differ by 3 points: the interval has one degree of freedom and settles nothing.
    assert found.low < -0.1 < found.high
    assert runner_up(rows(1, winner), "final", 1, 0, "lenet", True) is None


def test_the_interval_covers_the_truth_as_often_as_it_says():
    drawn, covered = random.Random(1), 0
    for _ in range(400):
        # Bimodal networks, as real ones are: one in five fails, with both sets or with either. True difference: 0.01.
        fails = [drawn.random() < 0.2 for _ in range(60)]
        winner = [(0.5 if fail else 0.9) + drawn.gauss(0.01, 0.02) for fail in fails]
        second = [(0.5 if fail else 0.9) + drawn.gauss(0.0, 0.02) for fail in fails]
        found = runner_up(rows(1, {0: winner}) + rows(0, {0: second}), "final", 1, 0, "lenet", True)
        covered += found.low <= 0.01 <= found.high
    assert 0.90 < covered / 400 < 0.99


def test_a_final_of_several_compares_on_fresh_networks(tmp_path):
    final = rows(1, {0: [0.9] * 4, 1: [0.80, 0.82, 0.84, 0.86], 2: [0.81, 0.83, 0.85, 0.87]})
    final += rows(0, {0: [0.9] * 4, 1: [0.78, 0.80, 0.80, 0.84], 2: [0.80, 0.80, 0.84, 0.84]})
    folder = write_run(tmp_path / "run", FINAL_OF_TWO, finished_trials(), search_rows() + final)
    second = summary(folder).headline.runner_up
    assert (second.trial, second.phase, second.split, second.runs, second.ahead.n) == (0, "final", "test", (1, 2), 8)
    assert second.ahead.mean == pytest.approx(0.0225)
    assert second.low < 0.0225 < second.high
    plain = to_json(summary(folder))["headline"]["runner_up"]
    assert list(plain) == ["trial", "phase", "split", "network", "runs", "ahead", "low", "high", "better"]


def test_a_final_of_one_compares_on_the_searchs_networks(tmp_path):
    validation = {"split": "validation"}
    searched = evaluations("search", [0.8, 0.7, 0.9], trial=0, **validation)
    searched += evaluations("search", [0.84, 0.75, 0.96], trial=1, **validation)
    folder = write_run(tmp_path / "run", trials=finished_trials(), evaluations=searched + rows(1, {0: [0.8, 0.9]}))
    second = summary(folder).headline.runner_up
    assert (second.trial, second.phase, second.split, second.ahead.n) == (0, "search", "validation", 3)
    assert second.ahead.mean == pytest.approx(0.05)
    alone = write_run(tmp_path / "alone", trials=finished_trials()[1:2], evaluations=searched)
    assert summary(alone).headline.runner_up is None


def test_the_headline_has_intervals(tmp_path):
    folder = write_run(tmp_path / "run", trials=finished_trials(), evaluations=rows(1, {0: [0.80, 0.82, 0.84, 0.86]}))
    headline = summary(folder).headline
    (fresh,) = measurements(rows(1, {0: [0.80, 0.82, 0.84, 0.86]}), ["final"])
    assert headline.test_interval == interval(fresh.accuracy)
    assert headline.test_interval == pytest.approx((0.83 - 3.182446 * 0.0129099, 0.83 + 3.182446 * 0.0129099), abs=1e-6)
    assert headline.validation_interval == pytest.approx((0.85 - 4.302653 * 0.0173, 0.85 + 4.302653 * 0.0173))
    low, high = headline.optimism_interval
    assert headline.optimism == pytest.approx(0.02)
    assert low < 0.02 < high
    # Welch: between the lesser of both freedoms and their sum.
    error = math.hypot(0.0173, 0.0129099)
    assert student_t(5) < (high - low) / 2 / error < student_t(2)
    assert difference_interval(headline.validation, headline.test) == headline.optimism_interval


def test_bounds_are_shown_with_their_signs():
    assert point_range((-0.001, 0.0126)) == "-0.10 to +1.26"
    assert point_range(None) == "-"


@pytest.mark.parametrize("runs", [(0,), (0, 1, 2)])
def test_sql_has_the_same_comparison(tmp_path, runs):
    drawn = random.Random(1)
    winner, second = ({run: [drawn.gauss(0.8, 0.05) for _ in range(4)] for run in runs} for _ in range(2))
    folder = write_run(
        tmp_path / "run", FINAL_OF_TWO, finished_trials(), search_rows() + rows(1, winner) + rows(0, second)
    )
    sql = (
        QUESTIONS.partition("## Is the winner better than the runner-up")[2].partition("```sql")[2].partition("```")[0]
    )
    (answer,) = query(folder, sql).to_pylist()
    found = summary(folder).headline.runner_up
    assert (answer["runner_up"], answer["runs"], answer["pairs"]) == (0, len(found.runs), found.ahead.n)
    assert [answer[name] for name in ("ahead", "low", "high")] == pytest.approx(
        [found.ahead.mean, found.low, found.high]
    )

"""Every question of docs/questions.md is answered by a real run, and the answers are the report's own figures."""

import re
from pathlib import Path

import polars
import pytest

from orchestrator import run
from orchestrator.summary import summary
from tests.orchestrator.tiny_sweep import write_sweep

PAGE = (Path(__file__).parents[1] / "docs" / "questions.md").read_text(encoding="utf-8")
QUESTIONS = dict(re.findall(r"^## (.*?)$.*?^```sql\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
SWEEP = {
    "recipe": {
        "data": "digits", "network": "tests.orchestrator.small_network:Linear", "labels": "soft", "outer_steps": 4, "batch": 32,
    },
    "search": {"trials": 3, "lag": 1, "space": {"steps": {"int": [1, 3]}}},
    "evaluate": {"validation": 1200, "inits": 3, "final": {"inits": 4, "runs": 2}},
    "tuning": {"rates": [0.01, 0.1], "draws": 2},
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("questions")
    return run(str(write_sweep(folder, **SWEEP)), folder / "run", inline=True)


@pytest.fixture(scope="module")
def figures(finished):
    return summary(finished.folder)


def answered(finished, question):
    return finished.query(QUESTIONS[question]).to_pylist()


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_is_answered(finished, question):
    assert len(QUESTIONS) >= 12
    answer = finished.query(QUESTIONS[question])
    assert answer.num_rows > 0
    assert polars.from_arrow(answer).shape == answer.shape


def test_the_best_trial_is_the_reports(finished, figures):
    first = answered(finished, "Which recipes were best, and how sure is that?")[0]
    best = figures.trials[0]
    assert (first["trial"], first["accuracy_mean"], first["accuracy_se"]) == (
        best.trial,
        best.accuracy.mean,
        best.accuracy.se,
    )
    keys = {row["key"]: row["value"] for row in answered(finished, "What is the best recipe, key by key?")}
    assert (keys["data"], keys["steps"]) == ("digits", str(best.params["steps"]))


def test_the_final_and_its_spreads_are_the_reports(finished, figures):
    rows = answered(finished, "How well do fresh networks do on the test split, with both spreads?")
    # The headline leaves out run 0, which the search chose.
    assert rows[0]["networks"] == 12
    per_run = [each.accuracy.mean for each in figures.finals[0].by_run]
    assert rows[0]["accuracy"] == pytest.approx(sum(per_run) / 3)
    flattered = answered(finished, "By how much did choosing on validation flatter the winner?")
    assert flattered[0]["searched"] == pytest.approx(figures.headline.validation.mean)
    assert flattered[0]["fresh"] == pytest.approx(per_run[0])


def test_the_baseline_and_its_rate_are_the_reports(finished, figures):
    (baseline,) = [
        row for row in answered(finished, "Does it beat real images?") if row["phase"] == "baseline/random_real"
    ]
    assert baseline["accuracy"] == pytest.approx(figures.baselines[0].accuracy.mean)
    rates = answered(finished, "Which rate suited the baseline?")
    assert max(rates, key=lambda row: row["accuracy"])["rate"] == baseline["rate"]


def test_the_cost_is_the_reports(finished, figures):
    rows = {row["what"]: row["device_hours"] for row in answered(finished, "What did it cost?")}
    assert 3600 * rows["tune"] + 3600 * rows["baseline"] == pytest.approx(figures.cost.baselines)


def test_other_trials_are_behind_the_best(finished, figures):
    rows = answered(finished, "By how much is the best trial ahead of the others, network by network?")
    means = {trial.trial: trial.accuracy.mean for trial in figures.trials}
    assert {row["trial"]: row["ahead"] for row in rows} == pytest.approx(
        {
            trial: figures.headline.validation.mean - mean
            for trial, mean in means.items()
            if trial != figures.headline.trial
        }
    )
    assert all(row["pairs"] == 3 for row in rows)

"""Every question of docs/questions.md is answered by a real run, and the answers are the report's own figures."""

import re
from pathlib import Path

import polars
import pytest

from orchestrator.figures import clock, number, percent, points
from orchestrator.page import page
from orchestrator.page.questions import questions
from orchestrator.summary import summary
from tests.orchestrator.read_page import Page, numbers

PAGE = (Path(__file__).parents[1] / "docs" / "questions.md").read_text(encoding="utf-8")
QUESTIONS = dict(re.findall(r"^## (.*?)$.*?^```sql\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def figures(finished):
    return summary(finished.folder)


def answered(finished, question):
    return finished.query(QUESTIONS[question]).to_pylist()


@pytest.fixture(scope="module")
def read(finished):
    return Page(page(finished.folder))


# Nothing is attacked in this run of pictures, and nothing fails.
EMPTY = {
    "What does the attack do, class by class?",
    "What do the learned sentences say?",
    "Which tasks failed, and were tried again?",
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_is_answered(finished, question):
    assert len(QUESTIONS) >= 12
    answer = finished.query(QUESTIONS[question])
    assert (answer.num_rows > 0) == (question not in EMPTY)
    assert polars.from_arrow(answer).shape == answer.shape


def test_the_questions_of_a_report_are_on_the_page_as_they_are():
    assert {title: QUESTIONS.get(title, "").strip() for title in questions()} == questions()


def shown(value):
    """Return every way in which a report may show a value of an answer."""
    match value:
        case bool() | None:
            return {str(value)}
        case int():
            return {str(value), f"{value:,}"}
        case float():
            ways = [percent(value), percent(-value), points(value), points(-value), number(value), clock(value)]
            return {way.rstrip(".,:") for way in [*ways, f"{value:,.1f}", f"{value:.2f}"]}
        case dict():
            return set().union(*map(shown, value.values()))
        case list():
            return set().union(*map(shown, value))
    return numbers(str(value))


def figures_of(finished, question):
    return set().union(*map(shown, finished.query(QUESTIONS[question]).to_pylist()))


def test_every_number_of_every_table_is_in_the_answer_to_its_question(finished, read):
    assert len(read.tables) >= 10
    for question, headers, rows in read.tables:
        answered = figures_of(finished, question)
        assert rows, headers
        for row in rows:
            assert numbers(" ".join(row)) <= answered, (question, row)


def test_every_number_of_the_verdict_is_in_an_answer(finished, read):
    answered = set().union(*(figures_of(finished, question) for question in questions()))
    told = numbers(read.texts["head"])
    assert len(told) > 10
    assert told - {"95"} <= answered


def test_every_label_of_every_picture_is_learned(finished, read):
    rows = finished.query(QUESTIONS["What are the learned labels?"]).to_pylist()
    assert len(read.pictures) == len(rows)
    for picture, row in zip(read.pictures, rows, strict=True):
        begins = f"step {row['step']}, example {row['index']}; labels {row['class']}: {row['largest']:.2f}, "
        assert picture.startswith(begins)


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
    first = answered(finished, "How well do fresh networks do on the test split, with both spreads?")[0]
    test = figures.headline.test
    # The headline leaves out run 0, which the search chose.
    assert (first["n"], first["groups"]) == (8, 2)
    assert [first["mean"], first["sd_networks"], first["sd_groups"], first["se"]] == pytest.approx(
        [test.mean, test.sd_networks, test.sd_groups, test.se]
    )
    flattered = answered(finished, "By how much did choosing on validation flatter the winner?")
    assert flattered[0]["searched"] == pytest.approx(figures.headline.validation.mean)
    own = next(each for each in figures.finals if each.trial == figures.headline.trial)
    assert flattered[0]["fresh"] == pytest.approx(own.by_run[0].accuracy.mean)


def test_the_ratio_is_the_reports(finished, figures):
    (row,) = answered(finished, "How near does it come to training on all of the data?")
    ratio = figures.headline.ratio
    assert [row["ratio"], row["sd_networks"], row["sd_groups"], row["se"]] == pytest.approx(
        [ratio.value, ratio.sd_networks, ratio.sd_groups, ratio.se]
    )


def test_the_baseline_and_its_rate_are_the_reports(finished, figures):
    (baseline,) = [
        row for row in answered(finished, "Does it beat real images?") if row["phase"] == "baseline/random_real"
    ]
    assert baseline["accuracy"] == pytest.approx(
        next(each.accuracy.mean for each in figures.baselines if each.name == "random_real")
    )
    rates = answered(finished, "Which rate suited the baseline?")
    assert max(rates, key=lambda row: row["accuracy"])["rate"] == baseline["rate"]


def test_the_cost_is_the_reports(finished, figures):
    rows = {row["what"]: row["seconds"] for row in answered(finished, "What did it cost?")}
    cost = figures.cost
    spent = [cost.search, cost.final, cost.baselines, cost.other, cost.wall]
    assert [rows[what] for what in ("search", "final", "baselines", "other", "on the clock")] == pytest.approx(spent)


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


def test_the_runner_up_is_the_reports(finished, figures):
    (row,) = answered(finished, "Is the winner better than the runner-up, on networks that neither was chosen by?")
    second = figures.headline.runner_up
    assert (row["runner_up"], row["runs"], row["pairs"], second.split) == (second.trial, 2, second.ahead.n, "test")
    assert [row["ahead"], row["se"], row["low"], row["high"]] == pytest.approx(
        [second.ahead.mean, second.ahead.se, second.low, second.high]
    )

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console
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

from orchestrator.report import render, summary

LONG = "published: {accuracy: '82.75 ± 2.75', source: 'SLDD (arXiv 1910.02551), Table 2; 200 networks, no validation split'}\n"


def rendered(folder, width=80):
    console = Console(file=io.StringIO(), width=width, _environ={})
    render(summary(folder), console)
    return console.file.getvalue()


def row(text, label):
    """Return the cells of the first line that begins with ``label``."""
    line = next(line for line in text.splitlines() if line.strip().startswith(label))
    return line.strip().removeprefix(label).split()


def everything(folder):
    """Write a run with all that a report can show."""
    trials = [*finished_trials(), *[trial(n, 0.5 + n / 1000, 0.02, 0.0115) for n in range(4, 14)]]
    rows = (
        search_rows() + final_rows() + final_rows(run=1, distilled="ab" * 32) + final_rows(run=2, distilled="cd" * 32)
    )
    rows += final_rows(network="my_package.networks:SomethingRatherLong")
    rows += tune_rows() + baseline_rows() + evaluations("extra", [0.7, 0.8], trial=1, network="convnet")
    text = SWEEP.replace("trials: 4", "trials: 14") + LONG
    write_run(folder, text, trials, rows, [point(1, 3, 0, loss=None)], name="a-sweep")
    write_events(folder, (0, "driver_started"), (75, "done"))
    return folder


def test_the_headline_stands_beside_its_baseline(tmp_path):
    text = rendered(write_whole_run(tmp_path / "run"))
    # 0.02582 = sqrt(0.002 / 3), 0.0129 = half of it; 0.0816 = sqrt(0.02 / 3); 0.0428 = sqrt(0.022 / 12).
    assert row(text, "search mean, validation") == ["85.00", "±", "3.00", "-", "1.73", "3"]
    assert row(text, "fresh mean, test") == ["83.00", "±", "2.58", "-", "1.29", "4"]
    assert row(text, "optimism (search - fresh), points") == ["+2.00"]
    assert row(text, "95 % interval") == ["78.89", "to", "87.11"]  # 3.182 standard errors to each side
    assert row(text, "ahead of trial 0, the next, validation") == ["+0.00", "-", "0.00", "3"]
    assert row(text, "before training, test") == ["10.00"]
    assert row(text, "random_real, rate 0.03, 4 draws") == ["60.00", "±", "-", "8.16", "4.08", "4"]
    assert row(text, "fresh mean above it, points") == ["+23.00", "4.28"]
    assert "initialisations that the search never saw" in " ".join(text.split())
    assert f"distilled set: {tmp_path}/run/distilled/{'1' * 12}*.parquet" in text.replace("\n", "")


def test_where_nothing_is_distilled_the_baselines_are_the_report(tmp_path):
    text = SWEEP[: SWEEP.index("search:")] + SWEEP[SWEEP.index("evaluate:") :].replace(
        "[random_real]", "[random_real, knn_k_means]"
    )
    text += "distil: false\npublished: {source: a table, baselines: {knn_k_means: '92.2 ± 0.1'}}\n"
    about = {"trial": -1, "network": "knn", "neighbours": 1, "norm": 2.0}
    neighbours = [row for d in (0, 1) for row in evaluations("baseline/knn_k_means", [0.7 + d / 10], draw=d, **about)]
    folder = tmp_path / "run"
    rows = tune_rows() + baseline_rows() + neighbours
    found = rendered(write_run(folder, text, [], rows, finals=[0]))
    assert "Baselines with lenet, test split" in found
    assert row(found, "random_real, rate 0.03, 4 draws") == ["60.00", "±", "-", "8.16", "4.08", "4"]
    assert row(found, "knn_k_means, 1 neighbour, p 2, 2 draws") == ["75.00", "±", "-", "7.07", "5.00", "2"]
    assert row(found, "published  ") == ["92.2", "±", "0.1"]
    assert "published: a table" in found
    assert "fresh mean above it" not in found


def test_trials_best_first_with_their_ends(tmp_path):
    text = rendered(write_whole_run(tmp_path / "run"), 120)
    assert "stage done: 4 of 4 trials finished (2 complete, 1 failed, 1 diverged), 44 networks trained" in text
    assert row(text, "1  85.00 ± 3.00") == ["1.73", "3", "10", "20", "complete", "steps=2,", "outer_lr=0.01235"]
    assert row(text, "0  80.00 ± 2.00")[4] == "complete"
    assert row(text, "2             -") == ["-", "0", "10", "20", "failed:", "memory", "steps=2,", "outer_lr=0.01235"]
    assert "failed by memory: 1 trial, such as 2: CUDA out of [memory]" in text
    assert "diverged: 1 distillation: trial 3" in text


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_line_is_longer_than_the_screen(tmp_path, width):
    text = rendered(everything(tmp_path / "run"), width)
    assert max(len(line) for line in text.splitlines()) <= width


def test_all_that_a_report_can_show_fits_eighty_columns(tmp_path):
    text = " ".join(rendered(everything(tmp_path / "run"), 80).split())
    figures = [
        "a-sweep", "A sweep with [brackets], to be shown as they are.", "0:01:15 on the clock", "and 4 trials more",
        "published 82.75 ± 2.75", "published: SLDD (arXiv 1910.02551), Table 2; 200 networks, no validation split",
        "diverged: 2 distillations: trial 3, trial 1 in run 3 of the final", "75.00 ± 7.07", "runs 1, 2 on the test split",
    ]  # fmt: skip
    assert [figure for figure in figures if figure not in text] == []
    assert "…" not in text, "no figure is cut"


def test_spreads_over_networks_and_over_runs_are_two_columns(tmp_path):
    trials = [trial(0, 0.90, 0.02, 0.01)]
    rows = [
        r for run, mean in ((0, 0.9), (1, 0.8), (2, 0.7)) for r in evaluations("final", [mean, mean + 0.04], run=run)
    ]
    text = rendered(write_run(tmp_path / "run", SWEEP, trials, rows), 80)
    # Runs 1 and 2: means 0.82 and 0.72, so sd 0.0707 over runs; ±0.02 within each, so sd 0.0283 over networks. Both runs have
    # the same two initialisations, whose means deviate by ±0.02: the error is sqrt(0.005 / 2 + 0.0008 / 2).
    assert row(text, "fresh mean, test") == ["77.00", "±", "2.83", "7.07", "5.39", "4"]
    assert row(text, "0    0  92.00 ± 2.83") == ["2.00", "2", "-", "lenet", "final"]
    assert row(text, "0    2  72.00 ± 2.83") == ["2.00", "2", "-", "lenet", "final"]


def test_one_network_has_no_spread(tmp_path):
    rows = evaluations("final", [0.9613])
    text = rendered(write_run(tmp_path / "run", WITHOUT_SEARCH, [trial(0, 0.96, n=1, params=None)], rows))
    assert row(text, "fresh mean, test") == ["96.13", "±", "-", "-", "-", "1"]
    assert row(text, "search mean, validation") == ["96.00", "±", "-", "-", "-", "1"]
    assert row(text, "published") == ["96.13"]
    assert "on initialisations that it was distilled for" in " ".join(text.split())


def test_a_search_without_a_final_says_that_its_best_is_too_good(tmp_path):
    text = " ".join(rendered(write_run(tmp_path / "run", SWEEP, finished_trials(), search_rows())).split())
    assert "fresh mean, test - - - 0" in text
    assert "where the best of several is too good" in text


def test_the_ratio_to_the_whole_data_stands_below_the_figure(tmp_path):
    full = evaluations("full", [0.95, 0.97], trial=-1)
    folder = write_run(tmp_path / "run", SWEEP, finished_trials(), search_rows() + final_rows() + full)
    for number, examples in ((0, 10), (1, 50)):
        (folder / "distilled").mkdir(exist_ok=True)
        table = pa.table({"step": list(range(examples))})
        pq.write_table(table, folder / "distilled" / f"{str(number) * 64}.parquet")
    text = rendered(folder)
    assert row(text, "full data, test") == ["96.00", "±", "1.41", "-", "1.00", "2"]
    # 0.83 / 0.96; 0.02582 / 0.96; the errors 0.01291 and 0.8646 * 0.01 over 0.96.
    assert row(text, "distillation ratio, % of full data") == ["86.46", "±", "2.69", "-", "1.62"]
    assert "on validation: 90 %: none, 95 %: none, 99 %: none" in " ".join(text.split())
    assert "full data" not in rendered(write_whole_run(tmp_path / "other"))


def test_when_all_trials_have_diverged_the_cure_is_said(tmp_path):
    ended = [trial(n, status="diverged", cause="diverged", error="not finite") for n in range(4)]
    text = " ".join(rendered(write_run(tmp_path / "run", SWEEP, ended)).split())
    assert "All trials diverged, so there is nothing to compare." in text
    assert "a smaller distill_lr or outer_lr, or a limit to the gradient with outer_clip" in text
    assert "yet" not in text
    ended[1:] = [trial(n, status="failed", cause="user", error="not ten") for n in range(1, 4)]
    assert "All trials failed or diverged" in rendered(write_run(tmp_path / "other", SWEEP, ended))


def test_of_many_that_diverged_some_are_named(tmp_path):
    ended = [trial(n, status="diverged", cause="diverged", error="not finite") for n in range(200)]
    said = rendered(write_run(tmp_path / "run", SWEEP.replace("trials: 4", "trials: 200"), ended), 300)
    assert "diverged: 200 distillations: trial 0, trial 1," in said
    assert "trial 9 and 190 more" in said


def test_a_second_final_says_what_it_is(tmp_path):
    rows = search_rows() + final_rows() + final_rows("final/2")
    text = rendered(write_run(tmp_path / "run", SWEEP, finished_trials(), rows, finals=[2, 4]), 120)
    assert "final/2: another final, for the budget was raised from 2 to 4 trials" in text
    assert "another final" not in rendered(write_whole_run(tmp_path / "other"), 120)


def test_an_altered_sweep_says_that_what_is_published_is_anothers(tmp_path):
    text = SWEEP.replace("about:", "name: mnist-fixed-10\nabout:") + LONG
    said = " ".join(rendered(write_whole_run(tmp_path / "run", text)).split())
    assert "altered: this sweep differs from the shipped mnist-fixed-10 in " in said
    assert "more; what is published is of another recipe" in said
    assert "altered:" not in rendered(write_whole_run(tmp_path / "other", SWEEP + LONG))


def test_a_figure_from_memory_is_said_to_be_one(tmp_path):
    text = SWEEP + LONG.replace("accuracy:", "checked: false, accuracy:")
    assert "published (quoted from memory, not compared" in rendered(write_whole_run(tmp_path / "run", text), 120)
    assert "memory, not" not in rendered(write_whole_run(tmp_path / "other", SWEEP + LONG), 120)


@pytest.mark.parametrize("trials", [[], finished_trials()[2:]])
def test_without_a_complete_trial_there_is_nothing_to_compare(tmp_path, trials):
    text = rendered(write_run(tmp_path / "run", SWEEP, trials))
    assert "No trial is complete, so there is nothing to compare yet." in text
    assert f"{len(trials)} of 4 trials finished" in text


def test_an_attack_is_shown_by_class_beside_its_baselines(tmp_path):
    def attacked(rows, share, by_class):
        figures = {"overall_accuracy": sum(by_class) / 3, "class_accuracies": by_class, "attack_share": share}
        return [row | figures for row in rows]

    rows = attacked(final_rows()[:2], 0.9, [0.0, 0.9, 0.9]) + attacked(final_rows()[2:], 0.8, [0.2, 1.0, 0.9])
    rows += tune_rows() + attacked(baseline_rows(), 0.25, [0.5, 0.4, 0.6])
    folder = write_run(tmp_path / "run", SWEEP, finished_trials(), rows)
    text = rendered(folder)
    assert row(text, "85.00") == ["65.00", "10.0", "95.0", "90.0", "trial", "1,", "lenet"]
    assert row(text, "25.00") == ["50.00", "50.0", "40.0", "60.0", "random_real,", "lenet"]
    assert "Attack" not in rendered(write_whole_run(tmp_path / "other"))


def test_several_objectives_have_their_front(tmp_path):
    text = SWEEP.replace("  trials: 4\n", "  trials: 4\n  objectives: [accuracy, examples, operations]\n")
    costs = [(0.80, 20, 9e6), (0.85, 50, 1e9), (0.70, 20, 8e7)]
    trials = [trial(n, each[0], 0.02, 0.0115, objectives=list(each)) for n, each in enumerate(costs)]
    folder = write_run(tmp_path / "run", text, trials)
    table = rendered(folder).partition("Pareto front")[2]
    assert row(table, "1 ")[:5] == ["85.00", "±", "1.15", "50", "1,000,000,000"]
    assert row(table, "0 ")[:5] == ["80.00", "±", "1.15", "20", "9,000,000"]
    assert "70.00" not in table  # trial 0 is as small, quicker, and more accurate
    assert summary(folder).front == (1, 0)


def test_a_time_budget_that_ended_the_search_is_said(tmp_path):
    text = SWEEP.replace("  trials: 4\n", "  trials: 40\n  hours: 2\n")
    folder = write_run(tmp_path / "run", text, finished_trials(), finals=[4], ended=["search.hours"])
    assert "search ended by search.hours, which was spent after 4 trials" in rendered(folder)
    assert "search ended by" not in rendered(write_run(tmp_path / "other", text, finished_trials(), finals=[4]))

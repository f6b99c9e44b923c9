import json

import pytest
from click.testing import CliRunner

from orchestrator.cli import cli
from orchestrator.compare import compare
from orchestrator.opening import RunError
from tests.orchestrator.written_runs import (
    SWEEP,
    evaluations,
    finished_trials,
    search_rows,
    trial,
    write_run,
    write_whole_run,
)


@pytest.fixture
def two(tmp_path):
    """Two runs of one seed; the second has other keys, two networks more in its final, and is better by 1, 2, 3 and 4 points."""
    first = write_whole_run(tmp_path / "first")
    text = SWEEP.replace("steps: 2, outer_steps: 10", "steps: 3, outer_steps: 10, labels: soft").replace(
        "inits: 4", "inits: 6"
    )
    finals = evaluations("final", [0.81, 0.84, 0.87, 0.90, 0.1, 0.1], trial=1)
    second = write_run(tmp_path / "second", text, finished_trials(), search_rows() + finals)
    return first, second


def test_runs_are_paired_by_the_seeds_of_their_networks(two):
    (gain,) = compare(two).gains
    assert (gain.folder, gain.split, gain.network, gain.why) == (str(two[1]), "test", "lenet", None)
    found = gain.difference
    assert (found.paired, found.networks, found.better) == (True, 4, 4)
    assert found.mean == pytest.approx(0.025)
    # Student's t of 3 degrees of freedom, 3.182, times the standard error of 1, 2, 3, 4.
    assert found.high - found.mean == pytest.approx(3.1824 * 0.0064550, rel=1e-4)


def test_what_differs_is_told_and_nothing_else(two):
    found = compare(two)
    assert found.sweep == {
        "evaluate.final.inits": (4, 6),
        "recipe.steps": (2, 3),
        "recipe.labels": ("hard", "soft"),
    }
    assert found.recipe == {"labels": ("hard", "soft")}  # the search chose the same steps
    assert compare([two[0], two[0]]).sweep == {}


def test_runs_are_all_held_against_the_first(two):
    found = compare([two[1], two[0], two[1]])
    assert [round(gain.difference.mean, 6) for gain in found.gains] == [-0.025, 0.0]
    assert found.sweep["recipe.steps"] == (3, 2, 3)


def test_distillation_runs_are_averaged_by_initialisation(tmp_path, two):
    finals = [evaluations("final", values, trial=1, run=run) for run, values in ((1, [0.9] * 4), (2, [0.8] * 4))]
    runs = write_run(tmp_path / "runs", trials=finished_trials(), evaluations=[row for rows in finals for row in rows])
    (gain,) = compare([two[0], runs]).gains
    assert gain.difference.networks == 4
    assert gain.difference.mean == pytest.approx(0.85 - 0.83)


def test_before_a_final_runs_are_compared_on_validation(two, tmp_path):
    searched = write_run(tmp_path / "searched", trials=finished_trials()[:2], evaluations=search_rows())
    (gain,) = compare([two[0], searched]).gains
    assert (gain.split, gain.difference.mean, gain.difference.networks) == ("validation", 0.0, 3)


def test_what_cannot_be_compared_says_why(two, tmp_path):
    empty = write_run(tmp_path / "empty")
    assert compare([two[0], empty]).gains[0].why == f"{empty} has no complete trial"
    other = evaluations("final", [0.9, 0.9], trial=0, network="convnet3")
    elsewhere = write_run(tmp_path / "elsewhere", trials=[trial(0, 0.8, 0.02, 0.01)], evaluations=other)
    assert compare([two[0], elsewhere]).gains[0].why == "not both were measured with lenet on the test split"
    with pytest.raises(RunError, match="two runs or more"):
        compare([two[0]])


def test_accuracies_of_other_examples_are_no_difference(two, tmp_path):
    text = SWEEP.replace("data: digits", "data: mnist")
    other = write_run(tmp_path / "other", text, finished_trials(), search_rows())
    (gain,) = compare([two[0], other]).gains
    assert (gain.difference, gain.why) == (None, "data differs: digits and mnist")


def test_a_run_with_no_complete_trial_has_no_recipe_to_differ(two, tmp_path):
    found = compare([two[0], write_run(tmp_path / "empty"), two[1]])
    assert found.recipe == {"labels": ("hard", None, "soft")}


def test_the_table_does_not_say_twice_what_the_sweeps_say(two):
    told = CliRunner().invoke(cli, ["compare", *map(str, two)], standalone_mode=False)
    assert "nothing differs in the recipes found besides" in " ".join(told.stdout.split())


def test_the_command_shows_it(two):
    told = CliRunner().invoke(cli, ["compare", *map(str, two)], standalone_mode=False)
    assert told.return_value == 0
    text = " ".join(told.stdout.split())
    assert (
        "B - A: +2.50 [+0.45, +4.55] on the test split with lenet; paired over 4 initialisations, B better on 100.00 %"
        in text
    )
    assert "recipe.labels hard soft" in text
    told = CliRunner().invoke(cli, ["compare", *map(str, two), "--json"], standalone_mode=False)
    plain = json.loads(told.stdout)
    assert plain["differing"]["sweep"]["recipe.steps"] == [2, 3]
    assert plain["gains"][0]["difference"]["better"] == 4
    assert plain["runs"][0]["headline"]["test"]["mean"] == pytest.approx(0.83)

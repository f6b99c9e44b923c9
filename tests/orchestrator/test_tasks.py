import pytest
import torch

from distiller.distill import State
from distiller.recipe import Recipe
from orchestrator import tasks

RECIPE = Recipe(
    data="digits", network="lenet", labels="soft", outer_steps=3, batch=32, validation=1200, memory="saved", chunk=4
).settled()
PLAIN = RECIPE.plain()


@pytest.fixture(scope="module")
def distilled():
    return tasks.segment(PLAIN, None, 3)["distilled"]


def test_segments_are_one_distillation(distilled):
    first = tasks.segment(PLAIN, None, 2)
    assert (first["outer_step"], first["steps"], first["diverged"], first["distilled"]) == (2, 2, None, None)
    second = tasks.segment(PLAIN, first["state"], 99)
    assert (second["outer_step"], second["steps"]) == (3, 1)
    assert second["distilled"] == distilled
    assert len(second["curve"]["loss"]) == 3
    # A state that is finished gives its set again and does nothing.
    again = tasks.segment(PLAIN, second["state"], 99)
    assert (again["steps"], again["distilled"]) == (0, distilled)


def test_evaluations_come_in_the_order_of_seeds(distilled):
    both = tasks.evaluate_distilled(PLAIN, distilled, [7, 8], "test", "lenet", before=True)
    assert [row["seed"] for row in both["evaluations"]] == [7, 8]
    assert all(row["accuracy_before"] is not None for row in both["evaluations"])
    assert both["chunk"] == 4
    one = tasks.evaluate_distilled(PLAIN, distilled, [8], "test", "lenet", before=False)
    assert one["evaluations"][0]["accuracy"] == both["evaluations"][1]["accuracy"]
    assert one["evaluations"][0]["accuracy_before"] is None


def test_an_attack_has_columns_of_its_own(distilled):
    attack = PLAIN | {"objective": {"attack": {"class": 0, "target": 1}}}
    (row,) = tasks.evaluate_distilled(attack, distilled, [7], "test", "lenet", before=False)["evaluations"]
    assert len(row["class_accuracies"]) == 10
    assert 0 <= row["attack_share"] <= 1
    assert 0 <= row["overall_accuracy"] <= 1
    (plain,) = tasks.evaluate_distilled(PLAIN, distilled, [7], "test", "lenet", before=False)["evaluations"]
    # The same network: with no attack its accuracy is the overall one.
    assert plain["accuracy"] == row["overall_accuracy"]
    assert "attack_share" not in plain


def test_another_network_goes_in_its_own_best_way(distilled):
    value = tasks.evaluate_distilled(PLAIN, distilled, [1], "validation", "convnet3", before=False)
    assert value["chunk"] == 1  # one after another on a CPU


def test_a_baseline_takes_its_rate_and_draw():
    values = [
        tasks.evaluate_baseline(PLAIN, draw, rate, [1], "validation", "lenet", before=False)["evaluations"][0]["loss"]
        for draw, rate in ((0, 0.01), (1, 0.01), (0, 0.1))
    ]
    assert len(set(values)) == 3


@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError])
def test_memory_that_runs_out_halves_the_chunk_and_the_rows_say_so(monkeypatch, distilled, error):
    evaluate, tried = tasks.evaluate, []

    def tight(recipe, *arguments, **options):
        tried.append(recipe.chunk)
        if recipe.chunk > 1:
            raise error
        return evaluate(recipe, *arguments, **options)

    expected = tasks.evaluate_distilled(PLAIN, distilled, [1, 2, 3], "test", "lenet", before=False)
    monkeypatch.setattr(tasks, "evaluate", tight)
    value = tasks.evaluate_distilled(PLAIN, distilled, [1, 2, 3], "test", "lenet", before=False)
    assert (tried, value["chunk"]) == ([4, 2, 1], 1)
    assert [row["accuracy"] for row in value["evaluations"]] == [row["accuracy"] for row in expected["evaluations"]]


def test_memory_that_is_too_little_for_one_network_is_a_failure(monkeypatch, distilled):
    def never(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(tasks, "evaluate", never)
    with pytest.raises(MemoryError):
        tasks.evaluate_distilled(PLAIN, distilled, [1], "test", "lenet", before=False)


def test_threads_are_the_recipes_whatever_they_were():
    torch.set_num_threads(2)
    state = tasks.segment(PLAIN, None, 1)["state"]
    assert torch.get_num_threads() == RECIPE.threads == 1
    assert State.from_bytes(state).outer_step == 1

import pytest
import torch

from distiller.baselines import baseline_examples, baseline_set, judging_examples
from distiller.data import Examples, load
from distiller.distill import State
from distiller.evaluate import evaluate
from distiller.neighbours import neighbours_accuracy
from distiller.objectives import outer_labels
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
    given = (("random_real", 0, 0.01), ("random_real", 1, 0.01), ("random_real", 0, 0.1), ("k_means", 0, 0.1))
    values = [
        tasks.evaluate_baseline(PLAIN, *each, [1], "validation", "lenet", before=False)["evaluations"][0]["loss"]
        for each in given
    ]
    assert len(set(values)) == 4


def test_a_baseline_is_measured_on_the_split_that_is_named():
    found = {
        split: tasks.evaluate_baseline(PLAIN, "average", 0, 0.1, [1], split, "lenet", before=False)["evaluations"][0]
        for split in ("train", "validation", "test")
    }
    data = load("digits", RECIPE.validation)
    made = baseline_set(RECIPE, data, baseline_examples("average", RECIPE, data, 0), 0.1)
    parts = {"train": judging_examples(RECIPE, data), "validation": data.validation, "test": data.test}
    for split, examples in parts.items():
        (expected,) = evaluate(RECIPE, data, made, [1], examples)
        assert (found[split]["loss"], found[split]["accuracy"]) == (expected.loss, expected.accuracy), split


def test_neighbours_vote_without_a_network():
    def voted(split="test", k=1, p=2.0, draw=0, source="random_real"):
        value = tasks.evaluate_neighbours(PLAIN, source, draw, k, p, split)
        (row,) = value["evaluations"]
        assert (row["loss"], row["accuracy_before"], row["seed"], value["chunk"]) == (None, None, 0, 1)
        return row["accuracy"]

    data = load("digits", RECIPE.validation)
    examples = baseline_examples("random_real", RECIPE, data, 0)
    assert voted() == neighbours_accuracy(*examples, data.test, 1, 2.0)
    assert voted("validation") == neighbours_accuracy(*examples, data.validation, 1, 2.0)
    assert len({voted(), voted(k=3), voted(draw=1), voted(source="average")}) == 4


def test_neighbours_are_right_where_they_say_what_an_attack_wants():
    attack = PLAIN | {"objective": {"attack": {"class": 3, "target": 5}}}
    parsed, data = Recipe.parse(attack), load("digits", RECIPE.validation)
    inputs, labels = baseline_examples("average", RECIPE, data, 0)
    found = tasks.evaluate_neighbours(attack, "average", 0, 1, 2.0, "test")["evaluations"][0]["accuracy"]
    wanted = Examples(data.test.inputs, outer_labels(parsed, data.test.labels))
    assert found == neighbours_accuracy(inputs, outer_labels(parsed, labels), wanted, 1, 2.0)
    assert found > neighbours_accuracy(inputs, labels, wanted, 1, 2.0)


def test_examples_are_made_once_for_all_rates(monkeypatch):
    made = []
    monkeypatch.setattr(tasks, "baseline_examples", lambda *given: made.append(given) or baseline_examples(*given))
    tasks._examples.cache_clear()
    for rate in (0.01, 0.1):
        tasks.evaluate_baseline(PLAIN, "average", 0, rate, [1], "validation", "lenet", before=False)
    assert len(made) == 1


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

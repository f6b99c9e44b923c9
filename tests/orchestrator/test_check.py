import json

import pytest
import torch

from distiller.data import load
from orchestrator.check import CheckError, check
from sweeps import BASELINES, read
from tests.orchestrator.tiny_sweep import SWEEP, write_sweep

EVALUATE = {"validation": 1200, "inits": 2}
without_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")


def sweep(folder, recipe=None, **changes):
    return read(
        str(write_sweep(folder, **{"recipe": SWEEP["recipe"] | (recipe or {}), "evaluate": EVALUATE} | changes))
    )


def complaint(given, **options):
    with pytest.raises(CheckError) as caught:
        check(given, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@without_cuda
def test_gpus_are_wanted_here_only_of_tasks_that_run_here(tmp_path):
    wants = sweep(tmp_path, resources={"gpus": 0.5})
    check(wants)
    said = complaint(wants, here=True)
    assert said.startswith("resources.gpus: 0.5 for each task, and torch finds 0 CUDA devices")
    assert "set resources.gpus to 0" in said


def test_batched_is_refused_for_a_network_without_such_code(tmp_path):
    search = {"trials": 2, "space": {"backend": {"choice": ["loop", "batched"]}}}
    for changes in (
        {"recipe": {"network": "convnet3", "backend": "batched"}},
        {"recipe": {"network": "convnet3"}, "search": search},
    ):
        assert "ConvNet3 has no batched code of its own" in complaint(sweep(tmp_path, **changes))
    check(sweep(tmp_path, {"backend": "batched"}))
    # Another network of the final is computed in its own best way, whatever the recipe's backend is.
    final = {"final": {"inits": 2, "networks": ["lenet", "convnet3"]}}
    check(sweep(tmp_path, {"backend": "batched"}, evaluate=EVALUATE | final))


def test_every_choice_of_other_data_is_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("STILLHOUSE_DATA", str(tmp_path))
    search = {"trials": 2, "space": {"pretrained": {"choice": [None, {"data": "svhn"}]}}}
    assert complaint(sweep(tmp_path, search=search)).startswith("data set svhn is not in ")
    attacks = [{"attack": {"class": 1, "target": target}} for target in (2, 12)]
    search = {"trials": 2, "space": {"objective": {"choice": attacks}}}
    assert complaint(sweep(tmp_path, search=search)).startswith("recipe.objective.attack.target: 12 is no class of")


def test_a_mean_needs_one_example_and_every_other_baseline_as_many_as_the_set(tmp_path):
    counts = load("digits", EVALUATE["validation"]).train.labels.bincount().tolist()
    recipe = {"per_class": min(counts) + 1}
    check(sweep(tmp_path, recipe, search=None, baselines=["average"]))
    for name in set(BASELINES) - {"average"}:
        said = complaint(sweep(tmp_path, recipe, search=None, baselines=["average", name]))
        assert f"{name} wants {min(counts) + 1} training examples of each class" in said


def test_labels_are_learned_twice_by_no_method(tmp_path):
    recipe = {name: value for name, value in SWEEP["recipe"].items() if name in ("data", "network", "outer_steps")}
    for method in ("labels", "ridge"):
        search = {"trials": 2, "space": {"method": {"choice": ["unrolled", method]}}}
        given = write_sweep(tmp_path, recipe=recipe, search=search, evaluate=EVALUATE, baselines=["learned_labels"])
        said = complaint(read(str(given)))
        assert said.startswith(f"baselines: learned_labels does not go with method {method}: ")
    check(sweep(tmp_path, search=None, baselines=["learned_labels"]))


def test_a_set_has_the_neighbours_that_are_tried(tmp_path):
    few = {"recipe": {"classes": [3, 7], "steps": 2}, "search": None}
    check(sweep(tmp_path, baselines=["k_means"], **few))
    check(sweep(tmp_path, baselines=["knn_k_means"], tuning={"neighbours": [1, 4]}, **few))
    said = complaint(sweep(tmp_path, baselines=["knn_random_real"], **few))
    assert "tuning.neighbours: 5 of a set of 4 examples of digits; expected at most 4" in said


def test_examples_are_counted_of_the_classes_that_are_distilled(tmp_path):
    counts = load("digits", EVALUATE["validation"]).train.labels.bincount().tolist()
    most, least = counts.index(max(counts)), counts.index(min(counts))
    assert counts[most] > counts[least], counts
    recipe = {"per_class": max(counts), "steps": 1, "classes": [most]}
    check(sweep(tmp_path, recipe, search=None))
    said = complaint(sweep(tmp_path, recipe | {"classes": [most, least]}, search=None))
    assert (
        f"random_real wants {max(counts)} training examples of each class, and digits has a class of {min(counts)}"
        in said
    )
    assert json.dumps(counts[least]) in complaint(sweep(tmp_path, recipe | {"classes": None}, search=None))

import dataclasses

import pytest
import torch

import orchestrator.tasks
from distiller.evaluate import Evaluation
from distiller.recipe import Recipe
from orchestrator import chunks
from orchestrator.chunks import Chunks, fitting, in_chunks
from orchestrator.executor import InlineExecutor
from orchestrator.records import read
from orchestrator.runs import run
from tests.orchestrator import pretended
from tests.orchestrator.tiny_sweep import SWEEP, write_sweep

RECIPE = Recipe.parse({"data": "digits", "network": "lenet", "chunk": 16}).settled()


def hungry(most, tried, error=torch.OutOfMemoryError):
    """Return what computes ``most`` networks at once, and fails of more."""

    def compute(recipe):
        tried.append(recipe.chunk)
        if recipe.chunk > most:
            raise error("as told")
        return "done"

    return compute


@pytest.mark.parametrize(
    "most, seeds, known, expected",
    [
        (99, 20, {}, [16]),
        (4, 20, {}, [16, 8, 4]),
        (4, 6, {}, [16, 4]),  # of six networks 8 at once would be all of them again
        (4, 20, {"cpu": {"chunk": 4}}, [4]),
        (2, 20, {"cpu": {"chunk": 4}}, [4, 2]),
        (99, 20, {"cpu": {"chunk": 64}, "NVIDIA X": {"chunk": 1}}, [16]),
    ],
)
def test_the_chunk_is_halved_until_it_fits_and_begins_where_it_did_before(most, seeds, known, expected):
    tried = []
    result, about = in_chunks(RECIPE, seeds, known, hungry(most, tried))
    assert (result, tried) == ("done", expected)
    assert (about["chunk"], about["lowered"]) == (expected[-1], expected[-1] < 16)


def test_one_network_that_does_not_fit_is_a_failure():
    with pytest.raises(torch.OutOfMemoryError):
        in_chunks(RECIPE, 8, {}, hungry(0, []))


def test_another_error_is_not_tried_again():
    tried = []
    with pytest.raises(ValueError, match="as told"):
        in_chunks(RECIPE, 8, {}, hungry(0, tried, ValueError))
    assert tried == [16]


def test_what_is_learnt_is_of_a_network_and_a_kind_of_device():
    known = Chunks()
    known.learn("lenet", {"device": "cpu", "chunk": 16, "lowered": False, "bytes_each": 0})
    assert known.of("lenet") == {}
    for chunk, size in ((4, 10), (2, 30), (3, 20)):
        known.learn("lenet", {"device": "NVIDIA X", "chunk": chunk, "lowered": True, "bytes_each": size})
    assert known.of("lenet")["NVIDIA X"] == {"chunk": 2, "bytes_each": 30}
    assert known.of("alexnet") == {}


def test_a_chunk_is_of_the_size_for_which_memory_is_free(monkeypatch):
    assert fitting(64, 10, 10_000) == 64
    assert fitting(64, 10, 300) == 16
    assert fitting(64, 10, 0) == 1
    for name, value in {"mem_get_info": (300, 10_000), "get_device_name": "X", "memory_allocated": 100}.items():
        monkeypatch.setattr(torch.cuda, name, lambda value=value: value)
    for name in ("reset_peak_memory_stats", "empty_cache"):
        monkeypatch.setattr(torch.cuda, name, lambda: None)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 260)
    on_gpu, tried = dataclasses.replace(RECIPE, device="cuda"), []
    _, about = in_chunks(on_gpu, 16, {"X": {"bytes_each": 60}}, hungry(99, tried))
    assert tried == [4]
    assert about == {"chunk": 4, "lowered": True, "bytes_each": 40}
    assert chunks.device_name(on_gpu) == "X"


def test_a_run_learns_it_once_and_its_rows_say_so(tmp_path, monkeypatch):
    tried = []

    def evaluate(recipe, dataset, distilled, seeds, examples, **others):
        hungry(2, tried)(recipe)
        return [Evaluation(seed, 0.5, 0.5, 0.1) for seed in seeds]

    monkeypatch.setattr(orchestrator.tasks, "segment", pretended.segment)
    monkeypatch.setattr(orchestrator.tasks, "evaluate", evaluate)
    changes = {"evaluate": SWEEP["evaluate"] | {"inits": 16, "shard": 8}, "baselines": []}
    folder = run(str(write_sweep(tmp_path, **changes)), tmp_path / "run", inline=True).folder
    in_flight = InlineExecutor().wanted  # what was submitted before the first one had ended
    assert tried[: 3 * in_flight] == [8, 4, 2] * in_flight
    assert set(tried[3 * in_flight :]) == {2}, "every later shard begins where the first one ended"
    assert set(read(folder, "evaluations").column("chunk").to_pylist()) == {2}

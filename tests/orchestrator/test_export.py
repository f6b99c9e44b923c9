import csv
import dataclasses
import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from ruamel.yaml import YAML

from distiller.distilled import Distilled, DistilledError
from distiller.training import Training
from orchestrator import load
from orchestrator.export import FORMATS, export
from orchestrator.opening import RunError
from orchestrator.storage import Storage
from tests.orchestrator.written_runs import evaluations, search_rows, trial, write_run


def distilled(dtype=torch.float32, shape=(1, 5, 4), outputs=10):
    generator = torch.Generator().manual_seed(0)

    def normal(*size):
        return torch.randn(size, generator=generator, dtype=torch.float64).to(dtype)

    about = {"epochs": 3, "classes": max(outputs, 2), "data": "digits", "network": "lenet"}
    mean = (0.305, 0.1, 0.2)[: shape[0] if len(shape) == 3 else 1]
    tensors = {"inputs": normal(2, 6, *shape), "labels": normal(2, 6, outputs), "rates": normal(6).abs()}
    return Distilled(**tensors, **about, mean=mean, std=mean)


@pytest.fixture
def run(tmp_path):
    """A run whose best trial, 1, has a set."""
    folder = tmp_path / "run"
    digest = Storage(folder).write_distilled(distilled())
    trials = [trial(0, 0.8, 0.02, 0.01), trial(1, 0.85, 0.03, 0.02, distilled=digest)]
    measured = evaluations("final", [0.8, 0.9], trial=1, distilled=digest)
    return write_run(folder, trials=trials, evaluations=search_rows() + measured)


SETS = {
    "grey": distilled(),
    "colour, double": distilled(torch.float64, (3, 5, 4)),
    "two classes": distilled(outputs=1),
    "embeddings": distilled(shape=(7, 3)),
    "another way to train": dataclasses.replace(
        distilled(), training=Training(optimiser="adam", lr=0.001, batch=4, steps=9), rates=torch.zeros(0)
    ),
    "vectors": distilled(shape=(7,)),
    "rates that are not finite": dataclasses.replace(
        distilled(), rates=torch.tensor([0.1, torch.inf, torch.nan, 0, 0, 0])
    ),
}


@pytest.mark.parametrize("one", SETS.values(), ids=SETS)
@pytest.mark.parametrize(
    "format, name", [("safetensors", "distilled.safetensors"), ("npz", "distilled.npz"), ("dataset", "dataset")]
)
def test_a_set_comes_back_to_the_bit(tmp_path, one, format, name):
    one.save(tmp_path / "set.safetensors")
    export(tmp_path / "set.safetensors", tmp_path / "out", [format])
    back = load(tmp_path / "out" / name)
    assert back.to_bytes() == one.to_bytes()
    # And once more, from what was exported.
    export(tmp_path / "out" / name, tmp_path / "again", ["npz"])
    assert load(tmp_path / "again" / "distilled.npz").to_bytes() == one.to_bytes()


def test_a_run_gives_all_that_fits_of_its_best_trial(run, tmp_path):
    files = export(run, tmp_path / "out")
    assert sorted(path for path in (tmp_path / "out").rglob("*") if path.is_file()) == sorted(files)
    tops = {path.relative_to(tmp_path / "out").parts[0] for path in files}
    assert tops == {"png", "distilled.safetensors", "distilled.npz", "labels.csv", "schedule.csv", "dataset"}
    assert load(tmp_path / "out" / "distilled.safetensors").digest() == distilled().digest()


def test_arrays_are_named_and_in_order_of_use(run, tmp_path):
    export(run, tmp_path, ["npz"], trial="1")
    one = distilled()
    with np.load(tmp_path / "distilled.npz", allow_pickle=False) as arrays:
        assert np.array_equal(arrays["inputs"], one.inputs.numpy())
        assert np.array_equal(arrays["labels"], one.labels.numpy())
        assert np.array_equal(arrays["rates"], one.rates.numpy())
        assert arrays["order"].tolist() == [0, 1, 0, 1, 0, 1]
        assert (arrays["mean"].tolist(), arrays["epochs"].item(), arrays["classes"].item()) == ([0.305], 3, 10)


def test_tables_keep_every_digit(run, tmp_path):
    export(run, tmp_path, ["csv"])
    labels, schedule = (list(csv.DictReader((tmp_path / name).open())) for name in ("labels.csv", "schedule.csv"))
    one = distilled()
    values = torch.tensor([[float(row[f"label_{k}"]) for k in range(10)] for row in labels]).reshape(2, 6, 10)
    assert torch.equal(values, one.labels)
    assert [int(row["class"]) for row in labels] == one.labels.flatten(0, 1).argmax(-1).tolist()
    assert torch.equal(torch.tensor([float(row["rate"]) for row in schedule]), one.rates)
    assert [(row["pass"], row["step"]) for row in schedule] == [(str(t // 2), str(t % 2)) for t in range(6)]


def test_pictures_are_a_sheet_a_step_and_each_example_alone(run, tmp_path):
    files = export(run, tmp_path, ["png"])
    sheets = [path for path in files if path.parent == tmp_path / "png"]
    assert [path.name for path in sheets] == ["step-000.png", "step-001.png"]
    alone = [path for path in files if path not in sheets]
    assert len(alone) == 12
    for path, example in zip(alone, distilled().inputs.flatten(0, 1), strict=True):
        expected = (example[0].double() * 0.305 + 0.305).clamp(0, 1) * 255
        assert np.array_equal(np.asarray(Image.open(path)), expected.numpy().round())


def test_a_data_set_says_its_columns_and_has_a_card(run, tmp_path):
    export(run, tmp_path, ["dataset"])
    examples = pq.read_table(tmp_path / "dataset/data/examples.parquet")
    features = json.loads(examples.schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == examples.column_names
    assert features["image"] == {"_type": "Image"}
    first = Image.open(io.BytesIO(examples.column("image")[0].as_py()["bytes"]))
    assert first.size == (4, 5)
    card = (tmp_path / "dataset/README.md").read_text()
    header = YAML(typ="safe").load(card.split("---\n")[1])
    assert header["pretty_name"] == "small: digits distilled"
    for config in header["configs"]:
        assert (tmp_path / "dataset" / config["data_files"]).is_file()
    # Accuracies of the run's own rows, the recipe, every rate.
    assert "| final | test | lenet | 85.00 ± 7.07 | 2 |" in card
    assert "outer_lr: 0.0123456" in card
    assert all(f"{rate:.6g}" in card for rate in distilled().rates.tolist())


def test_a_card_says_how_a_set_is_meant_to_be_trained_on(tmp_path):
    SETS["another way to train"].save(tmp_path / "set.safetensors")
    export(tmp_path / "set.safetensors", tmp_path)
    card = (tmp_path / "dataset/README.md").read_text()
    assert "optimiser adam, lr 0.001, batch 4, steps 9" in card
    assert "in order" not in card
    assert "## Order and rates" not in card


def test_nothing_is_written_over(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "labels.csv").write_text("mine")
    with pytest.raises(RunError, match=r"labels\.csv: is there already"):
        export(run, tmp_path / "out", ["npz", "csv"])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["labels.csv"]
    assert (tmp_path / "out" / "labels.csv").read_text() == "mine"


def test_what_cannot_be_is_refused_in_one_line(run, tmp_path):
    SETS["embeddings"].save(tmp_path / "set.safetensors")
    cases = [
        ((run, ["gif"]), {}, f"there are {', '.join(FORMATS)}"),
        ((tmp_path / "set.safetensors", ["png"]), {}, "7 x 3 are no pictures"),
        ((tmp_path / "set.safetensors", ["npz"]), {"trial": "2"}, "is no run"),
        ((run, ["npz"]), {"trial": "two"}, "trial two has no distilled set"),
        ((run, ["npz"]), {"trial": "7"}, "trial 7 has no distilled set"),
        ((tmp_path / "absent", ["npz"]), {}, "no such run or file"),
    ]
    for (source, formats), options, reason in cases:
        with pytest.raises(RunError, match=reason) as raised:
            export(source, tmp_path / "out", formats, **options)
        assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()
    assert not [path for path in export(tmp_path / "set.safetensors", tmp_path / "all") if path.suffix == ".png"]


@pytest.mark.parametrize("name", ["distilled.npz", "dataset/data/examples.parquet", "dataset/data/schedule.parquet"])
def test_damage_is_noticed(run, tmp_path, name):
    export(run, tmp_path, ["npz", "dataset"])
    path = tmp_path / name
    source = path if path.suffix == ".npz" else tmp_path / "dataset"
    payload = path.read_bytes()
    middle = payload[: len(payload) // 2] + b"x" + payload[len(payload) // 2 + 1 :]
    for damaged in (b"", payload[:-9], middle):
        path.write_bytes(damaged)
        with pytest.raises(DistilledError, match="not a"):
            load(source)


def test_altered_rates_are_not_taken_for_the_sets_own(run, tmp_path):
    export(run, tmp_path, ["dataset"])
    path = tmp_path / "dataset/data/schedule.parquet"
    schedule = pq.read_table(path)
    pq.write_table(schedule.set_column(2, "rate", schedule.column("rate").combine_chunks()[::-1]), path)
    with pytest.raises(DistilledError, match="SHA-256"):
        load(tmp_path / "dataset")


def test_the_command_says_what_it_wrote(run, tmp_path):
    from click.testing import CliRunner

    from orchestrator.cli import cli

    def call(*arguments):
        return CliRunner().invoke(cli, ["export", *map(str, arguments)])

    told = call(run, "--to", tmp_path / "a", "--format", "npz", "--format", "csv")
    assert (told.exit_code, told.output.replace("\n", " ").strip()) == (0, f"3 files written to {tmp_path / 'a'}")
    told = call(run, "--to", tmp_path / "b", "--format", "npz", "--trial", "1", "--json")
    assert json.loads(told.output) == {"to": str(tmp_path / "b"), "files": [str(tmp_path / "b" / "distilled.npz")]}

import dataclasses
import json
import os

import duckdb
import pyarrow.parquet as pq
import pytest
import torch

from distiller.distilled import Distilled, DistilledError
from distiller.training import Training
from orchestrator.distilled_table import read_distilled, write_distilled


def distilled(steps=2, per_step=3, epochs=2, shape=(1, 4, 5), outputs=3, dtype=torch.float32, **changes):
    generator = torch.Generator().manual_seed(7)
    values = {
        "inputs": torch.randn(steps, per_step, *shape, generator=generator, dtype=dtype),
        "labels": torch.randn(steps, per_step, outputs, generator=generator, dtype=dtype),
        "rates": torch.rand(steps * epochs, generator=generator, dtype=dtype),
        "epochs": epochs, "classes": max(2, outputs), "mean": (0.1, 1 / 3, 0.1 + 0.2), "std": (0.25, 1e-30, 1e300),
        "data": "digits", "network": "lenet",
    }  # fmt: skip
    return Distilled(**(values | changes))


def same_bits(one, other):
    for field in dataclasses.fields(Distilled):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, torch.Tensor):
            assert (a.dtype, a.shape, a.device) == (b.dtype, b.shape, b.device)
            assert a.contiguous().numpy().tobytes() == b.numpy().tobytes()
        else:
            assert (type(a), a) == (type(b), b)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "size",
    [
        {},
        {"steps": 1, "per_step": 1, "epochs": 1, "outputs": 1},
        {"shape": (3, 32, 32), "outputs": 10, "per_step": 10},
        {"shape": (7,)},
        {"steps": 3, "epochs": 5},
    ],
)
def test_a_set_comes_back_to_the_bit(tmp_path, dtype, size):
    written = distilled(dtype=dtype, **size)
    name = write_distilled(tmp_path, written)
    assert name == written.digest()
    assert os.listdir(tmp_path) == [f"{name}.parquet"]
    same_bits(written, read_distilled(tmp_path / f"{name}.parquet"))


def test_how_a_set_is_meant_to_be_trained_on_comes_back(tmp_path):
    way = Training(optimiser="adam", lr=1e-3, batch=2, steps=30)
    bare = distilled(steps=1, rates=torch.zeros(0), training=way)
    name = write_distilled(tmp_path, bare)
    same_bits(read_distilled(tmp_path / f"{name}.parquet"), bare)
    assert name != dataclasses.replace(bare, training=Training()).digest()


def test_numbers_that_are_hard_to_write_come_back_to_the_bit(tmp_path):
    # Signed zeros, the smallest number, infinities, and a NaN with its sign and payload.
    bits = torch.tensor([0, -(2**31), 1, 0x7F800000, -0x800000, -0x3FFFFF], dtype=torch.int64).to(torch.int32)
    hard = bits.view(torch.float32)
    assert hard.isnan().sum() == 1
    written = distilled(steps=2, per_step=3, epochs=3, shape=(1,), outputs=1, rates=hard)
    written = dataclasses.replace(written, inputs=hard.reshape(2, 3, 1), labels=hard.flip(0).reshape(2, 3, 1))
    same_bits(written, read_distilled(tmp_path / f"{write_distilled(tmp_path, written)}.parquet"))


def test_what_is_read_may_be_changed(tmp_path):
    read = read_distilled(tmp_path / f"{write_distilled(tmp_path, distilled())}.parquet")
    for tensor in (read.inputs, read.labels, read.rates):
        tensor.add_(1.0)


def test_tensors_that_are_views_or_learned_are_written(tmp_path):
    whole = distilled()
    learned = dataclasses.replace(
        whole, inputs=whole.inputs.clone().requires_grad_(), labels=whole.labels.mT.contiguous().mT
    )
    same_bits(whole, read_distilled(tmp_path / f"{write_distilled(tmp_path, learned)}.parquet"))


def test_what_is_there_is_not_written_again(tmp_path):
    folder = tmp_path / "run" / "distilled"
    path = folder / f"{write_distilled(folder, distilled())}.parquet"
    os.utime(path, (1, 1))
    write_distilled(folder, distilled())
    assert path.stat().st_mtime == 1
    write_distilled(folder, distilled(epochs=1))
    assert len(os.listdir(folder)) == 2


def test_rows_are_examples_in_order(tmp_path):
    written = distilled()
    rows = pq.read_table(tmp_path / f"{write_distilled(tmp_path, written)}.parquet")
    assert rows.schema.field("input").type.shape == [1, 4, 5]
    assert [(row["step"], row["index"]) for row in rows.select(["step", "index"]).to_pylist()] == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2),
    ]  # fmt: skip
    images = rows.column("input").combine_chunks().to_numpy_ndarray()
    assert torch.equal(torch.tensor(images), written.inputs.flatten(0, 1))
    assert rows.column("label").to_pylist() == written.labels.flatten(0, 1).tolist()


def test_duckdb_and_polars_open_it(tmp_path):
    written = distilled()
    path = tmp_path / f"{write_distilled(tmp_path, written)}.parquet"
    columns = duckdb.sql(f"DESCRIBE FROM '{path}'").fetchall()
    assert [column[:2] for column in columns] == [
        ("step", "INTEGER"), ("index", "INTEGER"), ("input", "FLOAT[]"), ("label", "FLOAT[]"),
    ]  # fmt: skip
    inputs = duckdb.sql(f"SELECT input FROM '{path}' ORDER BY step, index").fetchall()
    assert torch.equal(torch.tensor(inputs).reshape(2, 3, 1, 4, 5), written.inputs)
    metadata = duckdb.sql(
        f"SELECT value FROM parquet_kv_metadata('{path}') WHERE key = 'stillhouse.distilled'"
    ).fetchall()
    assert json.loads(metadata[0][0])["order"] == [0, 1, 0, 1]
    polars = pytest.importorskip("polars", reason="polars is not installed")
    frame = polars.read_parquet(path)
    assert torch.equal(torch.tensor(frame["label"].to_list()).reshape(2, 3, 3), written.labels)


def test_tensors_are_not_inflated(tmp_path):
    written = distilled(steps=10, per_step=10, shape=(1, 28, 28))
    path = tmp_path / f"{write_distilled(tmp_path, written)}.parquet"
    assert path.stat().st_size < 0.95 * written.inputs.nbytes


def test_a_file_cut_or_changed_anywhere_is_not_a_set(tmp_path):
    whole = distilled(steps=1, per_step=2, shape=(2,), epochs=1)
    path = tmp_path / f"{write_distilled(tmp_path, whole)}.parquet"
    payload = path.read_bytes()
    for length in range(0, len(payload), 7):
        path.write_bytes(payload[:length])
        with pytest.raises(DistilledError) as refusal:
            read_distilled(path)
        assert str(path) in str(refusal.value)
        assert "\n" not in str(refusal.value)


def test_what_does_not_match_its_digest_is_refused(tmp_path):
    path = tmp_path / f"{write_distilled(tmp_path, distilled())}.parquet"
    rows = pq.read_table(path)
    reversed_rows = rows.take(list(range(len(rows) - 1, -1, -1)))
    pq.write_table(reversed_rows.replace_schema_metadata(rows.schema.metadata), path)
    with pytest.raises(DistilledError, match="damaged"):
        read_distilled(path)


def test_another_parquet_file_is_refused(tmp_path):
    path = tmp_path / "part-000000.parquet"
    pq.write_table(
        pq.read_table(tmp_path / f"{write_distilled(tmp_path, distilled())}.parquet").replace_schema_metadata({}), path
    )
    with pytest.raises(DistilledError, match=r"part-000000\.parquet: not a distilled set"):
        read_distilled(path)


def test_an_absent_file_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_distilled(tmp_path / "nothing.parquet")

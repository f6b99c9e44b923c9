import dataclasses

import pytest
import torch

from distiller.distilled import Distilled, DistilledError
from distiller.training import Training

TENSORS = {"inputs": torch.randn(2, 3, 1, 4, 4), "labels": torch.randn(2, 3, 3), "rates": torch.rand(6)}
SET = Distilled(**TENSORS, epochs=3, classes=3, mean=(0.1307,), std=(0.3081,), data="mnist", network="lenet")


def test_batches_come_in_the_order_of_training():
    batches = list(SET.batches())
    assert len(batches) == 6
    for t, (inputs, labels, rate) in enumerate(batches):
        assert torch.equal(inputs, SET.inputs[t % 2])
        assert torch.equal(labels, SET.labels[t % 2])
        assert rate == SET.rates[t]
    assert len(SET) == 6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_files_give_back_every_bit(tmp_path, dtype):
    kept = SET.to("cpu", dtype)
    kept.save(tmp_path / "set.safetensors")
    read = Distilled.load(tmp_path / "set.safetensors")
    for name in TENSORS:
        assert torch.equal(getattr(read, name), getattr(kept, name))
        assert getattr(read, name).dtype == dtype
    about = ("epochs", "classes", "mean", "std", "data", "network")
    assert [getattr(read, name) for name in about] == [getattr(SET, name) for name in about]
    assert read.digest() == kept.digest()


def test_the_digest_is_of_tensors_order_and_normalisation_alone():
    def changed(**values):
        return dataclasses.replace(SET, **values).digest()

    assert changed(data="other", network="other") == SET.digest()
    digests = {
        SET.digest(),
        changed(inputs=SET.inputs + 1e-6),
        changed(labels=-SET.labels),
        changed(rates=SET.rates.flip(0)),
        changed(inputs=SET.inputs.flip(0)),
        changed(epochs=1),
        changed(mean=(0.1308,)),
        changed(std=(0.3,)),
        SET.to("cpu", torch.float64).digest(),
    }
    assert len(digests) == 9


def test_how_a_set_is_meant_to_be_trained_on_belongs_to_it():
    way = dataclasses.replace(SET, training=Training(optimiser="adam", lr=1e-3, batch=2, steps=30))
    assert Distilled.from_bytes(way.to_bytes()).training == way.training
    assert way.digest() != SET.digest()
    # A set that says nothing of it keeps the name and the bytes of the time when none could.
    tensors = {
        "inputs": torch.arange(6.0).view(2, 3, 1, 1, 1),
        "labels": torch.ones(2, 3, 3),
        "rates": torch.arange(1.0, 5) / 8,
    }
    old = Distilled(**tensors, epochs=2, classes=3, mean=(0.5,), std=(0.25,), data="digits", network="lenet")
    assert old.digest() == "075f51acc162acd22fad7bfae662cb8de971bd2471454a42fc228f995200bae6"
    assert b"training" not in SET.to_bytes()
    assert Distilled.from_bytes(SET.to_bytes()).training == Training()


@pytest.mark.parametrize("payload", [b"", b"\x00" * 40, b"not a set", SET.to_bytes()[:-7], SET.to_bytes()[8:]])
def test_other_files_are_refused_in_one_line(tmp_path, payload):
    path = tmp_path / "set.safetensors"
    path.write_bytes(payload)
    with pytest.raises(DistilledError, match="not a distilled set") as caught:
        Distilled.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)

import dataclasses

import numpy as np
import pytest
import torch

from distiller import network_cache, pretrained_networks
from distiller.data import DataError, load
from distiller.distill import advance, distilled_of, start
from distiller.drawing import pool_seeds, stack_of
from distiller.evaluate import evaluate, evaluation_seeds
from distiller.network_files import NetworkFileError, bundle, name_of, read_network, unbundle, write_network
from distiller.networks import NetworkError
from distiller.pretrained_networks import check_pretrained, obtain
from distiller.recipe import Pretrained, Recipe
from distiller.unroll import score

HOW = Pretrained(data="digits", passes=2, lr=0.002, batch=64, pool=3)
RECIPE = Recipe(data="digits", network="lenet", inits_per_step=2, validation=1000, pretrained=HOW)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def files():
    return sorted(network_cache.folder().glob("*"))


def test_networks_are_trained_once_and_found_again(monkeypatch):
    told = []
    first = obtain(RECIPE, [8, 9], lambda done, of: told.append((done, of)))
    assert told == [(1, 2), (2, 2)]
    assert [path.name for path in files()] == sorted(f"{name_of(RECIPE, seed)}.safetensors" for seed in (8, 9))
    monkeypatch.setattr(pretrained_networks, "trained_files", None)
    again = obtain(RECIPE, [9, 8])
    assert list(again) == [9, 8]
    assert all(torch.equal(a, b) for seed in (8, 9) for a, b in zip(first[seed], again[seed], strict=True))


def test_a_damaged_or_wrong_file_in_the_cache_is_trained_again():
    whole = obtain(RECIPE, [8, 9])
    paths = [network_cache.folder() / f"{name_of(RECIPE, seed)}.safetensors" for seed in (8, 9)]
    paths[0].write_bytes(paths[0].read_bytes()[:1000])
    paths[1].write_bytes(network_cache.cached(RECIPE, 9).replace(b'"seed', b'"sead'))
    assert [network_cache.cached(RECIPE, seed) for seed in (8, 9)] == [None, None]
    again = obtain(RECIPE, [8, 9])
    assert all(torch.equal(a, b) for seed in (8, 9) for a, b in zip(whole[seed], again[seed], strict=True))


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path):
    (tmp_path / "cache").write_text("no folder")
    assert len(obtain(RECIPE, [8])) == 1


def test_a_name_is_of_all_that_decides_the_network_and_of_nothing_else():
    def changed(**changes):
        return name_of(dataclasses.replace(RECIPE, **changes), 8)

    def trained(**changes):
        return changed(pretrained=dataclasses.replace(HOW, **changes))

    others = [name_of(RECIPE, 9), trained(passes=3), trained(lr=0.1), trained(batch=65), trained(data="mnist")]
    others += [changed(network="convnet3"), changed(init_scheme="default"), changed(validation=999)]
    assert len({name_of(RECIPE, 8), *others}) == 9
    same = [trained(pool=9), changed(outer_steps=7), changed(seed=4), changed(init="fixed"), changed(chunk=5)]
    assert set(same) == {name_of(RECIPE, 8)}


def test_a_file_is_of_its_own_network_alone():
    names = stack_of(RECIPE, load("digits")).names
    network = obtain(RECIPE, [8])[8]
    payload = write_network(RECIPE, 8, names, network)
    assert all(torch.equal(a, b) for a, b in zip(read_network(payload, name_of(RECIPE, 8)), network, strict=True))
    with pytest.raises(NetworkFileError, match="another network"):
        read_network(payload, name_of(RECIPE, 9))
    for damaged in (b"", payload[:100], b"\x00" * 100):
        with pytest.raises(NetworkFileError, match="damaged"):
            read_network(damaged, name_of(RECIPE, 8))


def test_a_bundle_keeps_each_network_with_its_seed():
    networks = obtain(RECIPE, [9, 2**64 - 1, 8])
    again = unbundle(bundle(networks))
    assert list(again) == list(networks)
    assert all(torch.equal(a, b) for s in networks for a, b in zip(networks[s], again[s], strict=True))
    assert unbundle(None) == {}


def source(path, data):
    """Write data as an NPZ file whose pictures are rolled by a few pixels: another domain with the same classes."""
    arrays = {}
    for part in ("train", "test"):
        examples = getattr(data, part)
        pixels = (examples.inputs * data.std[0] + data.mean[0])[:, 0].roll((3, 3), (1, 2))
        arrays |= {f"{part}_inputs": pixels.numpy(), f"{part}_labels": examples.labels.numpy()}
    np.savez(path, **arrays)
    return str(path)


def test_own_data_are_never_taken_from_the_cache(tmp_path):
    path = source(tmp_path / "own.npz", load("digits"))
    recipe = dataclasses.replace(RECIPE, pretrained=dataclasses.replace(HOW, data=path))
    assert len(obtain(recipe, [8])) == 1
    assert not files()


def test_adaptation_is_better_than_none_and_starts_from_the_source_networks(tmp_path):
    target = load("digits", 300)
    how = dataclasses.replace(HOW, data=source(tmp_path / "source.npz", target), passes=4)
    recipe = Recipe(
        data="digits", network="lenet", validation=300, pretrained=how, objective="adapt", labels="soft", outer_steps=25,
        batch=128, epochs=3, inits_per_step=2, inputs="real", distill_lr=0.05, outer_lr=0.02, outer_clip=0.3, memory="saved",
    )  # fmt: skip
    state = advance(recipe, target, start(recipe, target), 25, obtain(recipe, pool_seeds(recipe)))
    seeds = evaluation_seeds(recipe, "final", 3)
    tested = obtain(recipe, seeds)
    distilled = distilled_of(recipe, target, state)
    results = evaluate(recipe, target, distilled, seeds, target.test, before=True, networks=tested)
    stack = stack_of(recipe, target)
    for result, seed in zip(results, seeds, strict=True):
        alone = tuple(p[None] for p in tested[seed])
        before = score(stack, alone, target.test.inputs, target.test.labels, classes=10, real_chunk=128)
        assert result.accuracy_before == before.accuracy.item()
        assert result.accuracy > result.accuracy_before + 0.2


def test_source_data_whose_networks_have_other_parameters_are_one_line(tmp_path):
    rng = np.random.default_rng(0)
    inputs, labels = rng.integers(0, 256, (20, 3, 32, 32), dtype=np.uint8), np.arange(20) % 10
    np.savez(tmp_path / "rgb.npz", train_inputs=inputs, train_labels=labels, test_inputs=inputs, test_labels=labels)
    recipe = dataclasses.replace(RECIPE, pretrained=dataclasses.replace(HOW, data=str(tmp_path / "rgb.npz")))
    with pytest.raises(
        NetworkError, match=r"pretrained\.data: lenet .* conv1\.weight has 6 x 3 x 5 x 5 and 6 x 1 x 5 x 5"
    ):
        check_pretrained(recipe)
    check_pretrained(dataclasses.replace(recipe, data=str(tmp_path / "rgb.npz")))
    check_pretrained(RECIPE)
    with pytest.raises(DataError, match=r"no file or folder .*absent\.npz"):
        check_pretrained(dataclasses.replace(RECIPE, pretrained=dataclasses.replace(HOW, data="./absent.npz")))

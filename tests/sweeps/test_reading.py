import socket

from refused import refusal

import sweeps


def test_least_sweep_has_the_defaults(sweep_file, least):
    sweep = sweeps.read(sweep_file(least))
    assert (sweep.name, sweep.about, sweep.published, sweep.seed, sweep.search, sweep.baselines) == (
        "a",
        "",
        None,
        1,
        None,
        (),
    )
    assert sweep.evaluate == sweeps.Evaluate(validation=10, inits=5, shard=20)
    assert sweep.evaluate.final == sweeps.Final(top=1, inits=200, runs=0, networks=None)
    assert sweep.resources == sweeps.Resources(cpus=1.0, gpus=0.0, slots=None)
    assert (sweep.recipe.seed, sweep.recipe.validation, sweep.recipe.device, sweep.recipe.run) == (1, 10, "cpu", 0)


def test_every_key_of_the_file_arrives(sweep_file, least):
    more = """\
seed: 7
about: &note of one line
published: {accuracy: "96.13", source: *note}
search:
  trials: 40
  sampler: random
  lag: 3
  space:
    steps: {int: [1, 20], step: 3}
    epochs: {int: [1, 5], log: true}
    distill_lr: {float: [5e-4, 0.1], log: true}
    classes: {choice: [[0, 3, 7], null]}
baselines: [random_real]
resources: {cpus: 2, gpus: 0.5, slots: 3}
"""
    final = "inits: 5\n  shard: 4\n  final: {top: 3, inits: 9, runs: 1, networks: [lenet, a.b:C]}"
    sweep = sweeps.read(sweep_file(least.replace("inits: 5", final) + more))
    assert (sweep.about, sweep.published) == ("of one line", sweeps.Published(accuracy="96.13", source="of one line"))
    assert (sweep.recipe.seed, sweep.recipe.device) == (7, "cuda")
    assert (sweep.search.trials, sweep.search.sampler, sweep.search.lag) == (40, "random", 3)
    space = sweep.search.space
    assert list(space) == ["classes", "distill_lr", "epochs", "steps"]
    assert (space["steps"].low, space["steps"].high, space["steps"].log, space["steps"].step) == (1, 20, False, 3)
    assert (space["distill_lr"].low, space["distill_lr"].high, space["distill_lr"].log) == (0.0005, 0.1, True)
    assert space["classes"].values == ([0, 3, 7], None)
    assert sweep.evaluate.final == sweeps.Final(top=3, inits=9, runs=1, networks=("lenet", "a.b:C"))
    assert sweep.evaluate.shard == 4
    assert sweep.baselines == ("random_real",)
    assert sweep.resources == sweeps.Resources(cpus=2.0, gpus=0.5, slots=3)


def test_name_is_the_stem_where_it_is_left_out(sweep_file, least):
    text = least.replace("name: a\n", "")
    assert sweeps.read(sweep_file(text, "mine-1.yaml")).name == "mine-1"
    assert refusal(sweep_file(text, "my own.yaml")).startswith("my own.yaml:1: name: expected a letter or digit")


def test_a_byte_order_mark_and_other_line_ends_are_fine(sweep_file, least):
    assert sweeps.read(sweep_file(b"\xef\xbb\xbf" + least.replace("\n", "\r\n").encode())).name == "a"
    assert refusal(sweep_file((least + "seed: x").replace("\n", "\r\n"))).startswith("f.yaml:8: seed: ")


def test_a_file_that_cannot_be_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("f.yaml")  # there, no folder, and nobody may open it
        assert refusal("f.yaml") == "f.yaml: cannot be read: No such device or address; expected a sweep file"

import dataclasses

import pytest

from distiller.recipe import Decay, Recipe, RecipeError

LEAST = {"data": "digits", "network": "lenet"}


def test_parse_fills_defaults_and_reads_back():
    recipe = Recipe.parse(
        {**LEAST, "steps": 10, "epochs": 3, "classes": [0, 3, 7], "outer_decay": {"every": 40, "factor": 0.5}}
    )
    assert recipe.inner_steps == 30
    assert recipe.classes == (0, 3, 7)
    assert recipe.outer_decay == Decay(every=40, factor=0.5)
    assert Recipe.parse(recipe.plain()) == recipe
    assert Recipe.parse({**LEAST, "outer_decay": "cosine"}).outer_decay == "cosine"
    attack = {"attack": {"class": 0, "target": 1}}
    attacking = Recipe.parse({**LEAST, "objective": attack})
    assert (attacking.attack.class_, attacking.attack.target) == (0, 1)
    assert attacking.plain()["objective"] == attack
    assert Recipe.parse(attacking.plain()) == attacking


@pytest.mark.parametrize(
    "change, key, says",
    [
        ({"step": 3}, "step", "unknown key; known here: data, network"),
        ({"steps": 0}, "steps", "expected a whole number of at least 1, got 0"),
        ({"steps": 2.5}, "steps", "expected a whole number of at least 1, got 2.5"),
        ({"steps": True}, "steps", "got True"),
        ({"steps": None}, "steps", "got nothing"),
        ({"distill_lr": -1}, "distill_lr", "expected a number above 0, got -1"),
        ({"distill_lr": float("nan")}, "distill_lr", "expected a number above 0, got nan"),
        ({"distill_lr": "1e-3"}, "distill_lr", "expected a number above 0, got '1e-3'"),
        ({"labels": "fuzzy"}, "labels", "expected hard, soft, got 'fuzzy'"),
        ({"outer_decay": {"every": 0, "factor": 1}}, "outer_decay.every", "at least 1, got 0"),
        ({"outer_decay": {"every": 1}}, "outer_decay.factor", "is missing"),
        ({"outer_decay": 3}, "outer_decay", "expected cosine or {every: ..., factor: ...} or nothing, got 3"),
        ({"objective": "attack"}, "objective", "expected basic, adapt or {attack: ...}, got 'attack'"),
        ({"objective": "adapt"}, "objective", "adapt is from networks that are pretrained on other data than digits"),
        ({"objective": "adapt", "pretrained": {"data": "digits"}}, "objective", "set pretrained.data"),
        ({"objective": {"attack": {"class": 0}}}, "objective.attack.target", "is missing"),
        ({"objective": {"attack": {"class_": 0, "target": 1}}}, "objective.attack.class_", "known here: class, target"),
        (
            {"objective": {"attack": {"class": 1, "target": 1}}},
            "objective.attack.target",
            "is the attacked class itself",
        ),
        ({"objective": {"attack": {"class": -1, "target": 1}}}, "objective.attack.class", "at least 0, got -1"),
        ({"method": "labels", "steps": 2}, "steps", "has no say with method labels; leave it out"),
        ({"method": "ridge", "init": "fixed"}, "init", "has no say with method ridge; leave it out"),
        ({"method": "labels", "labels": "soft"}, "labels", "has no say with method labels"),
        ({"patience": 20}, "patience", "has no say with method unrolled; leave it out"),
        ({"base": {"data": "usps", "examples": 10}}, "base", "has no say with method unrolled; leave it out"),
        ({"method": "labels", "base": {"data": "usps"}}, "base.examples", "is missing"),
        (
            {"method": "labels", "base": {"data": "usps", "examples": 10}, "per_class": 2},
            "per_class",
            "has no say with a base of its own; leave it out",
        ),
        ({"selection": {"networks": 0}}, "selection.networks", "at least 1, got 0"),
        ({"real_examples": 0}, "real_examples", "at least 1, got 0"),
        ({"classes": []}, "classes", "at least one"),
        ({"classes": [1, 1]}, "classes", "names a class twice"),
        ({"classes": [-1]}, "classes", "from 0 up"),
        ({"data": 3}, "data", "expected a name, got 3"),
    ],
)
def test_errors_name_the_key_and_what_would_do(change, key, says):
    with pytest.raises(RecipeError) as caught:
        Recipe.parse({**LEAST, **change})
    assert ".".join(caught.value.key) == key
    assert says in str(caught.value)


def test_missing_keys_and_other_kinds():
    with pytest.raises(RecipeError, match="network: is missing"):
        Recipe.parse({"data": "digits"})
    with pytest.raises(RecipeError, match="expected keys and values"):
        Recipe.parse([1])


def test_settled_fills_what_decides_bits_and_is_what_is_hashed():
    recipe = Recipe.parse(LEAST)
    settled = recipe.settled()
    assert (settled.device, settled.backend, settled.chunk, settled.real_chunk) == ("cpu", "batched", 8, 128)
    assert settled.settled() == settled
    assert Recipe.parse({**LEAST, "network": "a.b:C", "device": "cuda"}).settled().backend == "vmap"
    assert recipe.digest() == settled.digest()
    others = [dataclasses.replace(recipe, **change) for change in ({"seed": 2}, {"chunk": 4}, {"steps": 2}, {"run": 1})]
    assert len({r.digest() for r in [recipe, *others]}) == 5

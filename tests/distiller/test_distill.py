import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F

from distiller.baselines import baseline_examples
from distiller.distill import State, advance, distilled_of, network_seeds, stack_of, start
from distiller.networks import NetworkError, build
from distiller.recipe import Decay, Pretrained, Recipe
from distiller.seeds import derive, permutation, seed_tensor
from tests.distiller.small_data import blobs

RECIPE = Recipe(
    data="blobs", network="lenet", labels="soft", steps=2, epochs=2, inits_per_step=2, outer_steps=6, outer_lr=0.05, batch=25,
    distill_lr=0.05, dtype="float64", memory="saved",
)  # fmt: skip
DATA = blobs(dtype=torch.float64)
# A setting in which few outer steps are enough: networks that stay the same, small rates.
LEARNS = dataclasses.replace(
    RECIPE, init="fixed", dtype="float32", outer_steps=40, outer_lr=0.1, outer_clip=1.0, distill_lr=0.02
)


def reference(recipe, dataset, outer_steps):
    """The outer loop written plainly: one graph through everything, torch's own optimiser, the draws by their keys."""
    stack = stack_of(recipe, dataset)
    module = build(recipe.network, dataset.shape, dataset.outputs).double()
    learned = {name: tensor.clone().requires_grad_() for name, tensor in start(recipe, dataset).learned.items()}
    learned["labels"].requires_grad_(recipe.labels == "soft")
    learned["inputs"].requires_grad_(recipe.learn_inputs)
    adam = torch.optim.Adam([t for t in learned.values() if t.requires_grad], lr=recipe.outer_lr, betas=(0.5, 0.999))
    for outer_step in range(outer_steps):
        pass_, index = divmod(outer_step, math.ceil(len(dataset.train) / recipe.batch))
        rows = permutation(derive(recipe.seed, "distil", recipe.run, "real", pass_), len(dataset.train))
        rows = rows[index * recipe.batch : (index + 1) * recipe.batch]
        key = ("fixed", recipe.run) if recipe.init == "fixed" else ("distil", recipe.run, "network", outer_step)
        seeds = seed_tensor([derive(recipe.seed, *key, k) for k in range(recipe.inits_per_step)])
        drawn = stack.draw(recipe.init_scheme, seeds, torch.float64)
        losses = []
        for k in range(recipe.inits_per_step):
            theta = dict(zip(stack.names, (p[k].clone().requires_grad_() for p in drawn), strict=True))
            for t, rate in enumerate(F.softplus(learned["raw_rates"])):
                s = t % recipe.steps
                log_p = F.log_softmax(torch.func.functional_call(module, theta, (learned["inputs"][s],)), -1)
                loss = -(learned["labels"][s] * log_p).sum(-1).mean()
                gradient = torch.autograd.grad(loss, list(theta.values()), create_graph=True)
                theta = {name: p - rate * g for (name, p), g in zip(theta.items(), gradient, strict=True)}
            logits = torch.func.functional_call(module, theta, (dataset.train.inputs[rows],))
            losses.append(F.cross_entropy(logits, dataset.train.labels[rows]))
        adam.zero_grad()
        torch.stack(losses).mean().backward()
        adam.step()
    return {name: tensor.detach() for name, tensor in learned.items()}


@pytest.mark.parametrize("labels", ["soft", "hard"])
@pytest.mark.parametrize("init", ["fixed", "random"])
@pytest.mark.parametrize("memory", ["saved", "recompute"])
def test_outer_steps_are_those_of_a_plain_loop(init, memory, labels):
    recipe = dataclasses.replace(RECIPE, init=init, memory=memory, labels=labels)
    reached = advance(recipe, DATA, start(recipe, DATA), 4).learned
    for name, expected in reference(recipe, DATA, 4).items():
        assert torch.allclose(reached[name], expected, rtol=1e-9, atol=1e-11), name


@pytest.mark.parametrize("labels", ["soft", "hard"])
@pytest.mark.parametrize("memory", ["saved", "recompute"])
def test_inputs_that_are_not_learned_stay_and_the_rest_goes_as_in_a_plain_loop(memory, labels):
    recipe = dataclasses.replace(RECIPE, inputs="real", learn_inputs=False, memory=memory, labels=labels)
    before = start(recipe, DATA)
    cut = State.from_bytes(advance(recipe, DATA, before, 2).to_bytes())
    reached = advance(recipe, DATA, cut, 2).learned
    for name, expected in reference(recipe, DATA, 4).items():
        assert torch.allclose(reached[name], expected, rtol=1e-9, atol=1e-11), name
    assert torch.equal(reached["inputs"], before.learned["inputs"])
    assert torch.equal(reached["labels"], before.learned["labels"]) == (labels == "hard")
    assert not torch.equal(reached["raw_rates"], before.learned["raw_rates"])


def test_segments_of_any_length_and_a_stop_between_them_change_nothing():
    whole = advance(RECIPE, DATA, start(RECIPE, DATA), 100)
    assert whole.outer_step == RECIPE.outer_steps
    cut = start(RECIPE, DATA)
    for steps in (1, 0, 2, 1, 100):
        cut = State.from_bytes(advance(RECIPE, DATA, cut, steps).to_bytes())
    for name in whole.learned:
        assert torch.equal(whole.learned[name], cut.learned[name]), name
    for name in ("loss", "accuracy", "gradient_norm"):
        assert torch.equal(whole.curve[name], cut.curve[name]), name
    assert len(whole.curve["seconds"]) == RECIPE.outer_steps
    # Adam's memory goes along.
    assert {path.split(".")[1] for path in cut.moments} == {"step", "exp_avg", "exp_avg_sq"}


@pytest.mark.parametrize("init", ["fixed", "random"])
def test_a_finished_state_stays_as_it_is_and_wants_no_networks(init):
    done = dataclasses.replace(advance(RECIPE, DATA, start(RECIPE, DATA), 100), outer_step=RECIPE.outer_steps)
    pretrained = Pretrained(data="digits", passes=1, lr=0.002, batch=64, pool=3)
    recipe = dataclasses.replace(RECIPE, init=init, pretrained=pretrained)
    assert advance(recipe, DATA, done, 5) is done
    with pytest.raises(NetworkError, match="are not there"):
        advance(recipe, DATA, dataclasses.replace(done, outer_step=0), 5)


def test_it_learns():
    recipe = dataclasses.replace(LEARNS, outer_lr=0.02)
    curve = advance(recipe, blobs(), start(recipe, blobs()), 40).curve
    assert curve["loss"][-5:].mean() < 0.9 * curve["loss"][:5].mean()
    assert curve["accuracy"][-5:].mean() > 0.7


def test_start_has_the_papers_values():
    recipe = dataclasses.replace(RECIPE, per_class=2, classes=(2, 0), distill_lr=0.003)
    state = start(recipe, DATA)
    assert state.learned["inputs"].shape == (2, 4, 1, 28, 28)
    # Interleaved, as SLDD has them, and one-hot over all classes though examples start at two of them.
    assert state.learned["labels"].argmax(-1).tolist() == [[2, 0, 2, 0]] * 2
    assert state.learned["labels"].shape[-1] == 3
    rates = distilled_of(recipe, DATA, state).rates
    assert torch.allclose(rates, torch.full((4,), 0.003, dtype=torch.float64), rtol=1e-12, atol=0)


def test_inputs_may_start_at_real_examples_of_their_classes():
    recipe = dataclasses.replace(RECIPE, inputs="real", per_class=2)
    learned = start(recipe, DATA).learned
    for image, label in zip(learned["inputs"].flatten(0, 1), learned["labels"].flatten(0, 1), strict=True):
        (row,) = [i for i in range(len(DATA.train)) if torch.equal(DATA.train.inputs[i], image)]
        assert label.argmax() == DATA.train.labels[row]
    # Not the examples that the baseline takes, and others in another run.
    assert not torch.equal(learned["inputs"], baseline_examples("random_real", recipe, DATA, 0)[0])
    assert not torch.equal(learned["inputs"], start(dataclasses.replace(recipe, run=1), DATA).learned["inputs"])


@pytest.mark.parametrize("rate", [1e-6, 17.5])
def test_rates_keep_their_digits_at_both_ends(rate):
    recipe = dataclasses.replace(RECIPE, distill_lr=rate)
    rates = distilled_of(recipe, DATA, start(recipe, DATA)).rates
    assert rates.tolist() == pytest.approx([rate] * 4, rel=1e-9)


def test_hard_labels_stay_as_they_are():
    recipe = dataclasses.replace(RECIPE, labels="hard")
    before, after = start(recipe, DATA), advance(recipe, DATA, start(recipe, DATA), 3)
    assert torch.equal(before.learned["labels"], after.learned["labels"])
    assert not torch.equal(before.learned["inputs"], after.learned["inputs"])


def test_fixed_networks_are_the_same_at_every_step_and_random_ones_never():
    fixed = dataclasses.replace(RECIPE, init="fixed")
    assert network_seeds(fixed, 0) == network_seeds(fixed, 7)
    seeds = [seed for step in range(5) for seed in network_seeds(RECIPE, step)]
    assert len(set(seeds)) == len(seeds) == 10
    assert network_seeds(dataclasses.replace(RECIPE, run=1), 0) != network_seeds(RECIPE, 0)


def test_clipping_bounds_the_gradient_that_adam_sees():
    free = advance(RECIPE, DATA, start(RECIPE, DATA), 1)
    bound = free.curve["gradient_norm"][0].item() / 10
    clipped = advance(dataclasses.replace(RECIPE, outer_clip=bound), DATA, start(RECIPE, DATA), 1)
    # Adam's first moment after one step is (1 - 0.5) of the gradient.
    norm = math.sqrt(sum(clipped.moments[f"{name}.exp_avg"].square().sum().item() for name in clipped.learned))
    assert norm == pytest.approx(0.5 * bound, rel=1e-9)
    # The curve keeps the norm before clipping.
    assert torch.equal(free.curve["gradient_norm"], clipped.curve["gradient_norm"])


@pytest.mark.parametrize(
    ("decay", "factors"),
    # Three batches to a pass: the decay comes after exactly one pass, at step 3.
    [(Decay(every=1, factor=0.5), [1, 1, 1, 0.5, 0.5, 0.5]), ("cosine", [1, 0.933, 0.75, 0.5, 0.25, 0.067])],
)
def test_the_outer_rate_follows_its_schedule(decay, factors):
    recipe = dataclasses.replace(RECIPE, outer_decay=decay)
    state, moved = start(recipe, DATA), []
    for _ in range(6):
        # Forgetting Adam's memory makes each step its first, whose length is the rate.
        after = advance(recipe, DATA, dataclasses.replace(state, moments={}), 1)
        moved.append((after.learned["raw_rates"] - state.learned["raw_rates"]).abs().max().item() / recipe.outer_lr)
        state = after
    assert moved == pytest.approx(factors, abs=1e-3)


def test_learned_rates_may_have_an_outer_rate_of_their_own():
    recipe = dataclasses.replace(RECIPE, rate_lr=RECIPE.outer_lr / 5, outer_decay="cosine")
    first, after = start(recipe, DATA), advance(recipe, DATA, start(recipe, DATA), 1)
    # Adam's first step is as long as its rate.
    moved = {name: (after.learned[name] - first.learned[name]).abs().max().item() for name in first.learned}
    expected = {"inputs": RECIPE.outer_lr, "labels": RECIPE.outer_lr, "raw_rates": RECIPE.outer_lr / 5}
    assert moved == pytest.approx(expected, rel=1e-3)


def test_divergence_is_a_result_with_a_reason():
    recipe = dataclasses.replace(RECIPE, distill_lr=1e20)
    state = advance(recipe, DATA, start(recipe, DATA), 3)
    assert state.diverged is not None
    assert "not finite at outer step" in state.diverged
    # What was learned is what it was before the step that diverged, and the curve shows that step.
    assert len(state.curve["loss"]) == state.outer_step + 1
    assert all(tensor.isfinite().all() for tensor in state.learned.values())
    again = State.from_bytes(state.to_bytes())
    assert advance(recipe, DATA, again, 3).diverged == state.diverged


def test_two_classes_learn_one_logit():
    data = blobs(classes=2)
    state = advance(LEARNS, data, start(LEARNS, data), 40)
    assert state.learned["labels"].shape == (2, 2, 1)
    assert state.curve["accuracy"][-5:].mean() > 0.75  # chance is a half


def test_fewer_examples_than_classes_learn_all_classes():
    recipe = dataclasses.replace(LEARNS, classes=(0, 1), steps=1, epochs=4, outer_lr=0.02, outer_steps=80)
    data = blobs()
    state = advance(recipe, data, start(recipe, data), 80)
    assert state.learned["inputs"].shape[:2] == (1, 2)
    # Two examples, three classes: two thirds is the most that hard labels can reach.
    assert state.curve["accuracy"][-10:].mean() > 0.7

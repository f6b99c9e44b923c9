"""Real processes that meet at a real port; they are started once, for each has to import torch."""

import dataclasses
import multiprocessing
import os
import signal

import pytest
import torch
from safetensors.torch import load_file, save_file

from distiller.distill import State, advance, start
from distiller.drawing import draw_untrained, network_seeds, stack_of, worker_shares
from distiller.gang import ALONE, GangError, shares
from distiller.meeting import join_meeting, meet, open_meeting
from distiller.process import settle_process
from distiller.recipe import Pretrained, Recipe
from distiller.unrolled import Unrolled
from tests.distiller.small_data import blobs

RECIPE = Recipe(
    data="blobs", network="lenet", labels="soft", steps=2, epochs=2, inits_per_step=8, chunk=2, outer_steps=2, batch=25,
    outer_lr=0.05, distill_lr=0.05, dtype="float64",
)  # fmt: skip
VARIANTS = {
    "random": {},
    "saved, smooth, clipped": {"memory": "saved", "smoothing": 0.5, "outer_clip": 0.01, "outer_decay": "cosine"},
    "hard labels, a short chunk": {"labels": "hard", "inits_per_step": 7},
    "fixed, with checkpoints": {"init": "fixed", "checkpoint": 1, "validation": 24},
    "pre-trained": {"pretrained": Pretrained(data="blobs", pool=12)},
    "one after another": {"backend": "loop", "chunk": 1, "inits_per_step": 5},
    "float32": {"dtype": "float32"},
    "diverging": {"distill_lr": 1e20},
}
PAIRS = ("random", "hard labels, a short chunk")  # what a gang of two computes too


def posed(variant):
    recipe = dataclasses.replace(RECIPE, **VARIANTS[variant]).settled()
    return recipe, blobs(dtype=getattr(torch, recipe.dtype))


def found(variant, gang):
    """Return the meta-gradient of the first outer step, and the state after all steps, of one worker."""
    recipe, dataset = posed(variant)
    settle_process(recipe)
    networks = own_networks(recipe, dataset, worker_shares(recipe, gang.workers)[gang.rank])
    before = start(recipe, dataset)
    gradients = Unrolled(recipe, dataset, before, networks, gang).slope(0).gradients
    after = advance(recipe, dataset, advance(recipe, dataset, before, 1, networks, gang), 1, networks, gang)
    curve = {name: values for name, values in after.curve.items() if name != "seconds"}
    return gradients, dataclasses.replace(after, curve=curve).to_bytes()


def own_networks(recipe, dataset, share):
    """Return the pre-trained networks of a worker's share, and no other; here they are as they were drawn."""
    if recipe.pretrained is None:
        return None
    seeds = [seed for step in range(recipe.outer_steps) for seed in network_seeds(recipe, step)[share]]
    drawn = draw_untrained(recipe, stack_of(recipe, dataset), seeds, "cpu")
    return {seed: tuple(p[k] for p in drawn) for k, seed in enumerate(seeds)}


def dies(gang):
    """Lose the second worker between two calls that all have to make."""
    gang.whole(torch.ones(1))
    if gang.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    gang.total([[torch.ones(3)]])


def meeting_of(number, rank, workers, ports):
    """Meet the others in processes ``number - rank`` and after."""
    if rank > 0:
        return join_meeting("127.0.0.1", ports[number - rank].get(), rank, workers)
    meeting, port = open_meeting("127.0.0.1", workers)
    for _ in range(workers - 1):
        ports[number].put(port)
    return meeting


def write(folder, variant, gang):
    gradients, state = found(variant, gang)
    place = folder / f"{gang.workers}-{gang.rank}-{list(VARIANTS).index(variant)}"
    save_file({name: gradient.contiguous() for name, gradient in gradients.items()}, place)
    place.with_suffix(".state").write_bytes(state)


def member(number, ports, folder):
    """Be a worker of gangs of four and of two, or alone; the last two processes then are a gang that loses one of them."""
    for workers in (4, 2):
        if number < workers:
            with meet(meeting_of(number, number, workers, ports), "cpu") as gang:
                for variant in VARIANTS if workers == 4 else PAIRS:
                    write(folder, variant, gang)
    if number == 0:
        for variant in VARIANTS:
            write(folder, variant, ALONE)
    if number >= 2:
        try:
            with meet(meeting_of(number, number - 2, 2, ports), "cpu") as gang:
                dies(gang)
        except GangError as error:
            (folder / "died").write_text(str(error))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What every worker of each gang has found, in files."""
    context, folder = multiprocessing.get_context("spawn"), tmp_path_factory.mktemp("gang")
    ports = [context.Queue() for _ in range(4)]
    members = [context.Process(target=member, args=(n, ports, folder), daemon=True) for n in range(4)]
    for each in members:
        each.start()
    try:
        for each in members:
            each.join(300)
        assert [each.exitcode for each in members] == [0, 0, 0, -signal.SIGKILL]
    finally:
        for each in members:
            each.kill()
    return folder


def read(folder, workers, rank, variant):
    place = folder / f"{workers}-{rank}-{list(VARIANTS).index(variant)}"
    return load_file(place), place.with_suffix(".state").read_bytes()


@pytest.mark.parametrize(("workers", "variant"), [*((4, v) for v in VARIANTS), *((2, v) for v in PAIRS)])
def test_the_number_of_workers_changes_no_bit(folder, workers, variant):
    gradients, state = read(folder, 1, 0, variant)
    for rank in range(workers):
        theirs, reached = read(folder, workers, rank, variant)
        assert theirs.keys() == gradients.keys()
        for name, gradient in gradients.items():
            assert torch.equal(theirs[name].nan_to_num(7.0), gradient.nan_to_num(7.0)), name
        assert reached == state


def test_the_meta_gradient_is_that_of_other_chunks_too(folder):
    recipe, dataset = posed("random")
    whole = dataclasses.replace(recipe, chunk=8)
    expected = Unrolled(whole, dataset, start(whole, dataset)).slope(0).gradients
    for workers in (1, 2, 4):
        for name, gradient in read(folder, workers, 0, "random")[0].items():
            assert (gradient - expected[name]).norm() < 1e-12 * expected[name].norm(), name


def test_what_is_compared_is_of_all_networks(folder):
    recipe, dataset = posed("random")
    fewer = dataclasses.replace(recipe, inits_per_step=7)
    other = Unrolled(fewer, dataset, start(fewer, dataset)).slope(0).gradients
    gradient = read(folder, 4, 0, "random")[0]["inputs"]
    assert (gradient - other["inputs"]).norm() > 1e-6 * gradient.norm()
    states = {variant: State.from_bytes(read(folder, 4, 3, variant)[1]) for variant in VARIANTS}
    assert states["random"].outer_step == recipe.outer_steps
    assert states["diverging"].diverged is not None
    assert states["fixed, with checkpoints"].best


def test_a_worker_that_dies_is_an_error_of_the_others(folder):
    assert (folder / "died").read_text().startswith("the workers of a gang could not ")


@pytest.mark.parametrize(("networks", "chunk", "workers"), [(10, 2, 4), (7, 2, 4), (2000, 64, 3), (5, 1, 5), (9, 8, 2)])
def test_shares_are_whole_chunks_in_order_and_even(networks, chunk, workers):
    parts = shares(networks, chunk, workers)
    assert len(parts) == workers
    assert [n for part in parts for n in range(networks)[part]] == list(range(networks))
    assert all(part.start % chunk == 0 for part in parts)
    chunks = [-(-(part.stop - part.start) // chunk) for part in parts]
    assert 1 <= min(chunks) <= max(chunks) <= min(chunks) + 1


def test_more_workers_than_chunks_are_refused():
    with pytest.raises(ValueError, match="3 workers for 2 chunks"):
        shares(16, 8, 3)


def test_an_address_of_another_machine_is_an_error_of_the_gang():
    with pytest.raises(GangError, match="could not open a port"):
        open_meeting("192.0.2.1", 2)  # of the addresses that no machine has (RFC 5737)

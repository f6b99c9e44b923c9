import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distiller.data.split import largest_cut, stratified_cut


@st.composite
def labels_and_count(draw):
    sizes = draw(st.lists(st.integers(1, 40), min_size=1, max_size=8))
    labels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    shuffled = labels[torch.tensor(draw(st.permutations(range(len(labels)))))]
    return shuffled, draw(st.integers(0, largest_cut(shuffled)))


@settings(max_examples=200, deadline=None)
@given(labels_and_count())
def test_a_cut_is_exact_disjoint_and_leaves_a_row_of_every_class(case):
    labels, count = case
    kept, cut = stratified_cut(labels, count, "test")
    assert len(cut) == count
    assert torch.cat([kept, cut]).sort().values.tolist() == list(range(len(labels)))
    assert kept.tolist() == sorted(kept.tolist())
    assert cut.tolist() == sorted(cut.tolist())
    assert labels[kept].unique().tolist() == labels.unique().tolist()


@settings(max_examples=200, deadline=None)
@given(labels_and_count())
def test_a_cut_takes_the_same_share_of_every_class_to_rounding(case):
    labels, count = case
    _, cut = stratified_cut(labels, count, "test")
    sizes, taken = labels.bincount().tolist(), labels[cut].bincount(minlength=int(labels.max()) + 1).tolist()
    # Sainte-Laguë: no class had a row taken before another, which could spare one, was due its own.
    for size_a, taken_a in zip(sizes, taken, strict=True):
        for size_b, taken_b in zip(sizes, taken, strict=True):
            if taken_a > 0 and taken_b < size_b - 1:
                assert (taken_a - 0.5) / size_a <= (taken_b + 0.5) / size_b


@settings(max_examples=100, deadline=None)
@given(labels_and_count())
def test_a_larger_cut_contains_a_smaller_one(case):
    labels, count = case
    cuts = [set(stratified_cut(labels, n, "test")[1].tolist()) for n in range(count + 1)]
    assert all(small < large for small, large in itertools.pairwise(cuts))


def test_balanced_classes_are_cut_evenly():
    labels = torch.arange(10).repeat(100)
    assert labels[stratified_cut(labels, 300, "test")[1]].bincount().tolist() == [30] * 10


def test_rows_are_drawn_by_the_key_and_scattered():
    labels = torch.zeros(1000, dtype=torch.int64)
    one, same, other = (stratified_cut(labels, 100, key)[1] for key in ("a", "a", "b"))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    # The mean of 100 of the rows 0..999 without replacement has the standard error 27.4; six of them.
    assert abs(one.double().mean().item() - 499.5) < 6 * 27.4


@pytest.mark.parametrize("sizes, most", [([5, 5], 8), ([1, 9], 8), ([1], 0)])
def test_largest_cut(sizes, most):
    assert largest_cut(torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))) == most

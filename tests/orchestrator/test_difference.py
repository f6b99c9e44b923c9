import math

import pytest
from scipy import stats

from orchestrator.difference import difference

A = {1: 0.80, 2: 0.90, 3: 0.70, 4: 0.60}
B = {1: 0.82, 2: 0.91, 3: 0.75, 4: 0.60}


def test_shared_initialisations_are_paired():
    found = difference(A, B)
    expected = stats.ttest_rel(list(B.values()), list(A.values()))
    assert (found.paired, found.networks, found.better) == (True, 4, 3.5)
    assert found.mean == pytest.approx(0.02)
    assert found.mean / found.se == pytest.approx(expected.statistic)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_only_what_both_have_is_paired():
    assert difference(A | {9: 0.0}, B | {8: 1.0}) == difference(A, B)


def test_other_initialisations_are_independent():
    other = {seed + 10: accuracy for seed, accuracy in B.items()}
    found = difference(A, other)
    expected = stats.ttest_ind(list(B.values()), list(A.values()), equal_var=False)
    assert (found.paired, found.networks, found.better) == (False, 8, None)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    # What pairing is for.
    assert found.high - found.low > 5 * (difference(A, B).high - difference(A, B).low)


def test_too_few_networks_have_no_interval():
    assert difference({1: 0.5}, {1: 0.75}).mean == 0.25
    for found in (difference({1: 0.5}, {1: 0.75}), difference({1: 0.5}, {2: 0.75}), difference(A, {9: 0.75})):
        assert (found.se, found.low, found.high) == (None, None, None)
    assert difference({}, A) is None
    assert difference(A, {}) is None


def test_equal_networks_differ_by_nothing():
    found = difference({1: 0.5, 2: 0.5}, {3: 0.5, 4: 0.5})
    assert (found.mean, found.se, found.low, found.high) == (0.0, 0.0, 0.0, 0.0)
    assert not math.isnan(difference(A, A).low)

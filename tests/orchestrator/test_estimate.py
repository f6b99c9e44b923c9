import pytest

from orchestrator.estimate import Estimate, estimate, standard_deviation


def test_networks_of_one_set():
    # Deviations -0.1, 0, 0.1: variance 0.02 / 2, sd 0.1, standard error 0.1 / sqrt(3).
    assert estimate([[0.4, 0.5, 0.6]]) == Estimate(
        pytest.approx(0.5), 3, 1, pytest.approx(0.1), None, pytest.approx(0.0577350269)
    )


def test_one_value_has_no_spread():
    assert estimate([[0.9613]]) == Estimate(0.9613, 1, 1, None, None, None)
    assert standard_deviation([0.9613]) is None
    assert standard_deviation([]) is None


def test_nothing_measured():
    assert estimate([]) is None
    assert estimate([[], []]) is None


def test_several_sets_have_two_spreads_that_are_not_mixed():
    # Means 0.5 and 0.8; within: deviations ±0.1 and ±0.2, so (2 * 0.01 + 2 * 0.04) / (1 + 1) = 0.05.
    # Between: deviations ±0.15, variance 0.045; the standard error is of the two means, sqrt(0.045 / 2) = 0.15.
    found = estimate([[0.4, 0.6], [0.6, 1.0]])
    assert found == Estimate(
        pytest.approx(0.65), 4, 2, pytest.approx(0.05**0.5), pytest.approx(0.045**0.5), pytest.approx(0.15)
    )


def test_a_set_counts_once_however_many_networks_it_has():
    found = estimate([[0.5] * 10, [0.9]])
    assert (found.mean, found.n, found.groups) == (pytest.approx(0.7), 11, 2)
    assert found.sd_networks == 0


def test_one_network_a_set_has_only_the_spread_of_sets():
    found = estimate([[0.5], [0.7], [0.9]])
    assert found.sd_networks is None
    assert found.sd_groups == pytest.approx(0.2)
    assert found.se == pytest.approx(0.2 / 3**0.5)

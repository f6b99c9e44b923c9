import math
import random

import pytest

from orchestrator.estimate import Estimate, estimate, standard_deviation


def nested(*groups):
    """Give every network an initialisation of its own."""
    return [{100 * g + i: value for i, value in enumerate(group)} for g, group in enumerate(groups)]


def crossed(*groups):
    """Give the groups the same initialisations."""
    return [dict(enumerate(group)) for group in groups]


def test_networks_of_one_set():
    # Deviations -0.1, 0, 0.1: variance 0.02 / 2, sd 0.1, standard error 0.1 / sqrt(3).
    assert estimate(nested([0.4, 0.5, 0.6])) == Estimate(
        pytest.approx(0.5), 3, 1, pytest.approx(0.1), None, pytest.approx(0.0577350269)
    )


def test_one_value_has_no_spread():
    assert estimate(nested([0.9613])) == Estimate(0.9613, 1, 1, None, None, None)
    assert standard_deviation([0.9613]) is None
    assert standard_deviation([]) is None


def test_nothing_measured():
    assert estimate([]) is None
    assert estimate([{}, {}]) is None


def test_several_sets_have_two_spreads_that_are_not_mixed():
    # Means 0.5 and 0.8; within: deviations ±0.1 and ±0.2, so (2 * 0.01 + 2 * 0.04) / (1 + 1) = 0.05.
    # Between: deviations ±0.15, variance 0.045; the standard error is of the two means, sqrt(0.045 / 2) = 0.15.
    found = estimate(nested([0.4, 0.6], [0.6, 1.0]))
    assert found == Estimate(
        pytest.approx(0.65), 4, 2, pytest.approx(0.05**0.5), pytest.approx(0.045**0.5), pytest.approx(0.15)
    )


def test_a_set_counts_once_however_many_networks_it_has():
    found = estimate(nested([0.5] * 10, [0.9]))
    assert (found.mean, found.n, found.groups) == (pytest.approx(0.7), 11, 2)
    assert found.sd_networks == 0


@pytest.mark.parametrize("arranged", [nested, crossed])
def test_one_network_a_set_has_only_the_spread_of_sets(arranged):
    found = estimate(arranged([0.5], [0.7], [0.9]))
    assert found.sd_networks is None
    assert found.sd_groups == pytest.approx(0.2)
    assert found.se == pytest.approx(0.2 / 3**0.5)


def test_shared_initialisations_are_not_counted_as_new_ones():
    # Two runs that agree on each network: the second says nothing new of the networks, so the error is that of three.
    once, twice = estimate(crossed([0.4, 0.5, 0.6])), estimate(crossed([0.4, 0.5, 0.6], [0.4, 0.5, 0.6]))
    assert twice.sd_groups == 0
    assert twice.se == pytest.approx(once.se)


def test_runs_and_initialisations_both_add_to_the_error():
    # Run means 0.82, 0.72: 0.005 / 2. Initialisation means 0.75, 0.79: 0.0008 / 2. Sums are exact, so no residual.
    found = estimate(crossed([0.80, 0.84], [0.70, 0.74]))
    assert found.se == pytest.approx(math.sqrt(0.0025 + 0.0004))


def test_a_residual_is_counted_once():
    # Means of runs 0.5, 0.6 and of initialisations 0.5, 0.6; residuals ±0.05, so 4 * 0.0025 / 1 of variance.
    found = estimate(crossed([0.5, 0.5], [0.5, 0.7]))
    assert found.se == pytest.approx(math.sqrt(max(0.0025, 0.0025 + 0.0025 - 0.01 / 4)))


def test_missing_networks_leave_the_error_on_the_careful_side():
    found = estimate([{0: 0.4, 1: 0.6, 2: 0.5}, {0: 0.5, 1: 0.7}])
    of_runs = standard_deviation([0.5, 0.6]) ** 2 / 2
    of_initialisations = standard_deviation([0.45, 0.65, 0.5]) ** 2 / 3
    assert found.se == pytest.approx(math.sqrt(of_runs + of_initialisations))


@pytest.mark.parametrize("arranged", [nested, crossed])
def test_the_standard_error_is_that_of_repeated_experiments(arranged):
    # Runs deviate by 0.03, initialisations by 0.05, the rest by 0.04; a nested network has an initialisation of its own.
    draw = random.Random(1)

    def experiment(runs=5, inits=12):
        shared = [draw.gauss(0, 0.05) for _ in range(inits)]
        groups = []
        for _ in range(runs):
            own = shared if arranged is crossed else [draw.gauss(0, 0.05) for _ in range(inits)]
            run = draw.gauss(0.5, 0.03)
            groups.append([run + init + draw.gauss(0, 0.04) for init in own])
        return estimate(arranged(*groups))

    found = [experiment() for _ in range(1500)]
    spread = standard_deviation([each.mean for each in found])
    claimed = math.sqrt(sum(each.se**2 for each in found) / len(found))
    # 1,500 means give their sd to 1.8 %, and five runs a standard error to some 30 %, so 1 % in the mean square.
    assert claimed == pytest.approx(spread, rel=0.08)

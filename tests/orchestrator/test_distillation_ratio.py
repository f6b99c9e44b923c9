import math

import pytest

from orchestrator.distillation_ratio import Point, Size, ratio, sizes
from orchestrator.estimate import Estimate

FULL = Estimate(0.98, 10, 1, 0.01, None, 0.002)


def test_a_ratio_is_the_share_of_the_full_data_accuracy():
    # TDD, Table 5: IMDB with 20 sentences, 85.2 ± 3.2 % of 87.1 %, from 74.2 ± 2.8.
    found = ratio(Estimate(0.742, 200, 2, 0.028, 0.01, 0.005), Estimate(0.871, 1, 1, None, None, None))
    assert found.value == pytest.approx(0.852, abs=1e-3)
    assert found.sd_networks == pytest.approx(0.032, abs=1e-3)
    assert found.sd_groups == pytest.approx(0.01 / 0.871)
    # One full-data network has no error that could be told.
    assert found.se is None


def test_the_error_of_a_ratio_counts_both_means():
    found = ratio(Estimate(0.49, 200, 1, 0.03, None, 0.004), FULL)
    assert found.se == pytest.approx(math.hypot(0.004, 0.5 * 0.002) / 0.98)
    assert found.sd_groups is None


@pytest.mark.parametrize("full", [None, Estimate(0.0, 1, 1, None, None, None)])
def test_without_full_data_there_is_no_ratio(full):
    assert ratio(FULL, full) is None
    assert ratio(None, FULL) is None


def test_a_size_is_the_least_number_of_examples_with_that_share():
    # SLDD, Figure 6: five images are the 90 % distillation size of MNIST.
    curve = [Point(10, 0.9613, "ten"), Point(5, 0.9156, "five"), Point(3, 0.85, "three"), Point(5, 0.91, "worse")]
    assert sizes(curve, Estimate(0.99, 1, 1, None, None, None), (0.9, 0.95, 0.99)) == (
        Size(0.9, 5, "five"),
        Size(0.95, 10, "ten"),
        Size(0.99, None, None),
    )
    assert sizes(curve, None) == ()
    assert sizes([], FULL, (0.9,)) == (Size(0.9, None, None),)

import math

import pytest

from orchestrator.estimate import Estimate, estimate
from orchestrator.interval import interval, student_t


def test_students_t_is_that_of_the_tables():
    assert [round(student_t(freedom), 3) for freedom in (1, 9, 199)] == [12.706, 2.262, 1.972]
    assert student_t(math.inf) == pytest.approx(1.959964)
    assert math.isnan(student_t(0))


def test_the_interval_of_networks_on_one_set():
    found = estimate([{0: 0.80, 1: 0.82, 2: 0.84, 3: 0.86}])
    low, high = interval(found)
    # 0.0129 = 0.02582 / 2; t at 3 degrees of freedom is 3.182.
    assert (low, high) == (pytest.approx(0.83 - 3.1824 * 0.012910, abs=1e-5), pytest.approx(0.87108, abs=1e-4))


def test_where_there_are_several_runs_they_give_the_degrees_of_freedom():
    assert interval(Estimate(0.5, 400, 2, 0.1, 0.1, 0.01))[1] == pytest.approx(0.5 + 12.706 * 0.01, abs=1e-5)


def test_one_value_has_no_interval():
    assert interval(None) is None
    assert interval(estimate([{0: 0.9}])) is None

import math

import pytest

from orchestrator.figures import clock, count, mean_sd, number, percent, points, tally


def test_fractions_are_shown_in_percent():
    assert percent(0.92312) == "92.31"
    assert mean_sd(0.8275, 0.0275) == "82.75 ± 2.75"
    assert points(0.0058) == "+0.58"
    assert points(-0.0058) == "-0.58"


@pytest.mark.parametrize("unknown", [None, math.nan, math.inf])
def test_what_is_not_known_is_a_dash(unknown):
    assert [percent(unknown), points(unknown), clock(unknown)] == ["-", "-", "-"]
    # One network has a mean and no sd.
    assert mean_sd(0.9613, unknown) == "96.13 ± -"
    assert mean_sd(unknown, 0.1) == "-"


def test_seconds_are_a_clock():
    assert [clock(s) for s in (0, 59.6, 83, 3600, 86400 + 3723)] == [
        "0:00:00",
        "0:01:00",
        "0:01:23",
        "1:00:00",
        "1 d 1:02:03",
    ]


def test_numbers_and_words_of_a_recipe():
    assert [number(v) for v in (0.0123456, 1e-5, 1234, True, "soft", None)] == [
        "0.01235",
        "1e-05",
        "1234",
        "True",
        "soft",
        "-",
    ]


def test_counts():
    assert [count(n, "trial") for n in (0, 1, 2000)] == ["0 trials", "1 trial", "2,000 trials"]
    assert tally({"complete": 1100, "pruned": 0, "diverged": 1}) == "1,100 complete, 1 diverged"

import pytest

from orchestrator.page.axis import axis_over, names_axis


def test_ticks_are_round_and_within_the_axis():
    axis = axis_over("loss", [0.13, 2.2])
    assert [name for _, name in axis.ticks()] == ["0.5", "1", "1.5", "2"]
    assert all(axis.low <= value <= axis.high for value, _ in axis.ticks())
    assert [name for _, name in axis_over("trial", [0, 3], whole=True).ticks()] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1e-4, 1e-1], ["1e-4", "0.001", "0.01", "0.1"]), ([0.01, 0.04], ["0.01", "0.02", "0.03", "0.04"])],
)
def test_an_axis_in_logarithms_has_ticks_enough(values, expected):
    axis = axis_over("rate", values, log=True)
    shown = [name for _, name in axis.ticks()]
    assert len(shown) >= 3
    assert set(shown) <= {*expected, "0.015"}
    assert axis.at(values[0]) < axis.at(values[1])
    assert axis.at(values[0] ** 0.5 * values[1] ** 0.5) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "values", [[], [float("nan")], [0.0123, 0.0124], [3.0], [0.0, 0.0], [-1.0, 5.0], [1e-30, 1e30], [1e9, 1e9 + 1]]
)
@pytest.mark.parametrize("log", [False, True])
def test_any_values_make_an_axis(values, log):
    axis = axis_over("x", values, log=log)
    assert axis.low < axis.high
    assert axis.ticks()
    assert len(axis.ticks()) < 12
    assert all(0 <= axis.at(value) <= 1 for value in (*values, 0.0, 1e300, -1e300) if value == value)


def test_words_stand_in_the_middle_of_their_places():
    axis = names_axis("", ["a", "b"])
    assert [(axis.at(value), name) for value, name in axis.ticks()] == [(0.25, "a"), (0.75, "b")]

import xml.etree.ElementTree as ElementTree

import pytest

from orchestrator.page.axis import axis_over
from orchestrator.page.plot import HEIGHT, WIDTH, Plot, cell_paths
from orchestrator.page.surface import surface


def drawn(plot):
    return ElementTree.fromstring(str(plot.svg()))


def plot(x=(0, 10), y=(0, 100), about="a plot"):
    return Plot(axis_over("step", x), axis_over("accuracy", y), about)


def test_a_plot_is_well_formed_and_says_what_it_is():
    made = plot(about='<"a" & b>')
    made.dot(1, 50, "trial <1>")
    made.line([(0, 1), (1, float("nan")), (2, 3), (3, 4)])
    svg = drawn(made)
    assert svg.attrib["aria-label"] == '<"a" & b>'
    assert [title.text for title in svg.iter("title")] == ["trial <1>"]
    path = next(each.attrib["d"] for each in svg.iter("path") if each.attrib["class"] == "line one")
    assert path.count("M") == 2, "the line is broken where a value is missing"


def test_marks_lie_within_the_drawing():
    made = plot()
    for x, y in ((0, 0), (10, 100), (-1e9, 1e9)):
        made.dot(x, y, "")
    for dot in drawn(made).iter("circle"):
        assert 0 <= float(dot.attrib["cx"]) <= WIDTH
        assert 0 <= float(dot.attrib["cy"]) <= HEIGHT


def test_a_higher_value_is_drawn_higher():
    made = plot()
    made.dot(1, 10, "")
    made.dot(1, 90, "")
    low, high = (float(dot.attrib["cy"]) for dot in drawn(made).iter("circle"))
    assert high < low


def test_cells_are_drawn_once_each_and_empty_ones_not():
    svg = ElementTree.fromstring(f"<g>{cell_paths([[0.0, 1.0, None], [0.5, 0.5, -0.2]], 'one')}</g>")
    assert {path.attrib["fill-opacity"]: path.attrib["d"] for path in svg} == {
        "0.500": "M0 1h1v1h-1zM1 1h1v1h-1z",
        "1.000": "M1 0h1v1h-1z",
    }


def test_between_trials_the_surface_is_linear_and_outside_them_empty():
    shares = surface([(0.0, 0.0, 0.0), (1.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 1.0, 1.0)])
    assert [row[0] for row in shares] == [pytest.approx(0.5 / len(shares[0]))] * len(shares)
    assert surface([(0.4, 0.4, 0.0), (0.6, 0.4, 1.0), (0.5, 0.6, 0.5)])[0][0] is None
    assert surface([(0.0, 0.0, 1.0), (0.5, 0.5, 2.0), (1.0, 1.0, 3.0)]) is None, "a line spans no area"
    assert surface([(0.0, 0.0, 1.0), (1.0, 0.0, 1.0), (0.0, 1.0, 1.0)]) is None, "all are equal"


def test_long_ticks_leave_the_axis_label_its_room():
    texts = list(drawn(plot(y=(0.0041, 0.0043))).iter("text"))
    ticks = [(float(each.attrib["x"]), each.text) for each in texts if each.attrib.get("text-anchor") == "end"]
    assert max(len(said) for _, said in ticks) >= 6
    assert all(x - 6.2 * len(said) >= 18 for x, said in ticks), "the label takes 18 of the width"

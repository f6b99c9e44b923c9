import pytest

from sweeps.grid import grid_point, grid_size, grid_values

SPACE = {
    "a": {"int": [1, 8], "step": 3},
    "b": {"float": [0.0, 0.3], "step": 0.1},
    "c": {"choice": [None, [1, 2]]},
    "d": {"int": [2, 4], "log": True},
}


def test_a_grid_has_the_product_of_its_dimensions():
    assert [list(grid_values(SPACE[name])) for name in "acd"] == [[1, 4, 7], [None, [1, 2]], [2, 3, 4]]
    assert grid_values(SPACE["b"]) == (0.0, 0.1, 0.2, 0.3)
    assert grid_size(SPACE) == 3 * 4 * 2 * 3
    points = [grid_point(SPACE, index) for index in range(grid_size(SPACE))]
    assert all(list(point) == list(SPACE) for point in points)
    assert len({str(point) for point in points}) == len(points)


def test_numbers_without_a_step_are_no_grid():
    with pytest.raises(ValueError, match="a step, or a choice"):
        grid_size({"a": {"float": [0.0, 1.0]}})

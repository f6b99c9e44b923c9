import pytest

from orchestrator.sameness import compare


@pytest.mark.parametrize(
    ("kept", "found", "expected"),
    [
        (0.5, 0.5, "bit"),
        (None, float("nan"), "bit"),
        (0.5, 0.51, "rounding"),
        (0.5, 0.6, "other"),
        (0.5, None, "other"),
    ],
)
def test_two_accuracies_are_equal_near_or_not(kept, found, expected):
    assert compare("accuracy", kept, found) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((0.5, 0.25, float("nan")), "bit"),
        ((0.5, 0.26, float("nan")), "rounding"),
        ((0.5, 0.5, float("nan")), "other"),
        ((0.5, 0.25), "other"),
    ],
)
def test_accuracies_by_class_are_compared_one_by_one_as_a_list_or_a_tuple(found, expected):
    kept = [0.5, 0.25, None]
    assert compare("class_accuracies", kept, found) == expected
    assert compare("class_accuracies", kept, list(found)) == expected

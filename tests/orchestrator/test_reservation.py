import pytest

from cluster.nodes import Node, Shape
from orchestrator.executor import Needs
from orchestrator.reservation import gang_shape, options_of, shape_of

NODES = (
    Node(4, 0, is_ours=True, memory=800.0, name="small"),
    Node(8, 2, is_ours=False, memory=6400.0, name="large"),
)


@pytest.mark.parametrize(
    "base, needs, expected",
    [
        (Shape(1), Needs(), Shape(1)),
        (Shape(1, 0, 100), Needs(), Shape(1, 0, 100)),
        (Shape(1), Needs(shares=2), Shape(2, 0, 1600)),
        (Shape(1), Needs(shares=64), Shape(8, 0, 6400)),
        (Shape(1, 0, 2000), Needs(shares=2), Shape(2, 0, 4266)),  # three such tasks fit, so a share is a third
        (Shape(0.5), Needs(shares=4), Shape(2, 0, 1600)),
        (Shape(0.3), Needs(shares=4), Shape(1, 0, 984)),  # Ray reserves whole CPUs above one
        (Shape(1, 0.25), Needs(gpu_shares=2), Shape(1, 0.5)),
        (Shape(1, 0.4), Needs(gpu_shares=4), Shape(1, 1.0)),
        (Shape(1, 2), Needs(gpu_shares=2), Shape(1, 2)),
    ],
)
def test_a_share_is_a_slot_s_part_of_the_roomiest_node_and_never_more_than_all_of_it(base, needs, expected):
    found = shape_of(base, needs, NODES)
    assert found == expected
    assert any(node.slots(found) for node in NODES)


def test_without_a_node_that_fits_it_is_what_the_sweep_says():
    assert shape_of(Shape(64), Needs(shares=2), NODES) == Shape(64)


@pytest.mark.parametrize(
    "base, needs, workers, expected",
    [
        (Shape(1), Needs(shares=2), 4, Shape(2, 0, 1600)),
        (Shape(1), Needs(shares=4), 4, Shape(2, 0, 1600)),
        (
            Shape(1),
            Needs(shares=4),
            6,
            Shape(1),
        ),  # four of twice a slot's memory go on the large node, and none on the small
        (Shape(1, 0.25), Needs(gpu_shares=2), 4, Shape(1, 0.5)),
        (Shape(1, 0.25), Needs(gpu_shares=4), 4, Shape(1, 0.5)),
        (Shape(64), Needs(shares=2), 2, Shape(64)),
    ],
)
def test_a_gang_gets_no_more_than_lets_all_of_it_run_at_once(base, needs, workers, expected):
    assert gang_shape(base, needs, NODES, workers) == expected


def test_a_node_is_avoided_while_another_can_hold_the_task():
    assert options_of(Shape(1), {"small"}, NODES)["label_selector"] == {"ray.io/node-id": "!in(small)"}
    assert options_of(Shape(1), {"small"}, NODES)["fallback_strategy"] == [{"label_selector": {}}]
    for shape, avoid in (
        (Shape(1), {"small", "large"}),
        (Shape(8), {"large"}),
        (Shape(1), {"gone"}),
        (Shape(1), set()),
    ):
        assert "label_selector" not in options_of(shape, avoid, NODES)


def test_memory_is_reserved_only_where_it_is_asked_for():
    assert options_of(Shape(1, 0.5), (), NODES) == {"num_cpus": 1, "num_gpus": 0.5}
    assert options_of(Shape(1, 0, 99.5), (), NODES)["memory"] == 99

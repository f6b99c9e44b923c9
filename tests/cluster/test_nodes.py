import pytest

from cluster.nodes import Node, Nodes, Shape, count_slots


@pytest.mark.parametrize(
    "node, cpus, gpus, expected",
    [
        ((8, 0), 1, 0, 8),
        ((8, 0), 3, 0, 2),
        ((8, 0), 0.1, 0, 80),
        ((8, 0), 1, 1, 0),
        ((8, 2), 1, 1, 2),
        ((1, 2), 1, 1, 1),
        ((8, 2), 1, 0.4, 4),  # two a GPU: a task's share lies on one GPU, though five would fit in the sum
        ((8, 1), 0.1, 0.1, 10),
        ((8, 4), 1, 2, 2),
        ((8, 2), 0, 0.5, 4),
        ((8, 0), 0, 0, 8),
        ((0, 0), 1, 0, 0),
    ],
)
def test_a_node_holds_whole_tasks(node, cpus, gpus, expected):
    assert Node(*node, is_ours=True).slots(Shape(cpus, gpus)) == expected


def test_slots_are_counted_node_by_node():
    nodes = tuple(Node(cpus, 0, is_ours=False) for cpus in (3, 3, 1))
    assert count_slots(nodes, Shape(2)) == 2


def test_memory_bounds_the_tasks_of_a_node_where_they_reserve_some():
    assert Node(8, 0, is_ours=True, memory=10.0).slots(Shape(1, 0, memory=3.0)) == 3
    assert Node(8, 0, is_ours=True, memory=10.0).slots(Shape(1)) == 8


def test_the_nodes_of_this_machine(local_ray):
    nodes = Nodes()
    (node,) = nodes.alive()
    assert (node.cpus, node.is_ours) == (2, True)
    assert nodes.trouble() is None

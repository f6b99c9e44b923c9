import pytest
import torch

from distiller.networks import NETWORKS, NetworkError, build


@pytest.mark.parametrize(
    "name, shape, outputs, count",
    [
        ("lenet", (1, 28, 28), 10, 61_706),
        ("lenet", (1, 28, 28), 49, 65_021),
        ("lenet", (3, 32, 32), 10, 62_006),
        ("alexcifarnet", (3, 32, 32), 10, 1_756_426),
        ("convnet3", (3, 32, 32), 10, 320_010),
    ],
)
def test_parameter_counts(name, shape, outputs, count):
    assert sum(p.numel() for p in build(name, shape, outputs).parameters()) == count


@pytest.mark.parametrize(
    "name, shape",
    [
        ("lenet", (3, 28, 28)),
        ("lenet", (1, 32, 32)),
        ("alexcifarnet", (1, 32, 32)),
        ("convnet3", (1, 28, 28)),
        ("convnet3", (2, 9, 40)),
    ],
)
def test_networks_map_their_shapes_to_logits(name, shape):
    assert build(name, shape, 1)(torch.zeros(2, *shape)).shape == (2, 1)


def test_lenet_has_the_same_weights_on_both_sizes():
    small, large = build("lenet", (3, 28, 28), 10), build("lenet", (3, 32, 32), 10)
    assert [p.shape for p in small.parameters()] == [p.shape for p in large.parameters()]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_that_does_not_fit_says_what_would(name):
    with pytest.raises(
        NetworkError, match=rf"^{name} does not fit examples of shape \(3, 7, 7\); it takes .*$"
    ) as caught:
        build(name, (3, 7, 7), 10)
    assert "\n" not in str(caught.value)


def test_unknown_names_list_the_known():
    with pytest.raises(NetworkError, match=r"'leent'; known: lenet, alexcifarnet, convnet3"):
        build("leent", (1, 28, 28), 10)

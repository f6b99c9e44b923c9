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
        ("lenet", (3, 28, 28), 10, 62_006),
        ("convnet3", (3, 32, 32), 10, 320_010),
        ("resnet14", (3, 32, 32), 10, 175_258),
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
        ("resnet14", (1, 28, 28)),
        ("resnet14", (2, 9, 40)),
    ],
)
def test_networks_map_their_shapes_to_logits(name, shape):
    assert build(name, shape, 1)(torch.zeros(2, *shape)).shape == (2, 1)


def test_lenet_has_the_same_weights_on_both_sizes():
    small, large = build("lenet", (3, 28, 28), 10), build("lenet", (3, 32, 32), 10)
    assert [p.shape for p in small.parameters()] == [p.shape for p in large.parameters()]


def test_lenet_sees_the_same_picture_on_both_sizes():
    """Weights move between them: an edge of two black pixels, or the padding in place of it, is all the same."""
    small, large = build("lenet", (3, 28, 28), 10), build("lenet", (3, 32, 32), 10)
    large.load_state_dict(small.state_dict())
    pictures = torch.randn(4, 3, 28, 28, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(small(pictures), large(torch.nn.functional.pad(pictures, (2, 2, 2, 2))), atol=1e-6)


def test_resnet14_has_64_features_and_statistics_of_the_batch_always():
    network = build("resnet14", (3, 32, 32), 10)
    assert network.head.in_features == 64
    assert not list(network.buffers())
    assert not network.training
    pictures = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    # Normalised by the batch's own statistics, pictures of three times the contrast are the same pictures.
    assert torch.allclose(network(pictures), network(3 * pictures), atol=1e-3)
    assert not torch.allclose(network(pictures)[:2], network(pictures[:2]), atol=0.01)


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

import pytest

from distiller.networks import NetworkError, build


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


def test_unknown_names_list_the_known():
    with pytest.raises(NetworkError, match=r"'leent'; known: lenet, alexcifarnet, convnet3"):
        build("leent", (1, 28, 28), 10)

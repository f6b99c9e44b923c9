"""The networks that are known by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from torch import nn

from .alexcifar import AlexCifarNet
from .birecurrent import BiLSTM, BiRNN
from .convlstm import ConvLSTM
from .convnet import ConvNet3
from .error import NetworkError
from .lenet import LeNet
from .own import build_own
from .resnet import ResNet14
from .sentence import SentenceNetwork
from .textconv import TextConvNet

__all__ = ["NETWORKS", "build"]

NETWORKS: Final[dict[str, Callable[[tuple[int, ...], int], nn.Module]]] = {
    "lenet": LeNet,
    "alexcifarnet": AlexCifarNet,
    "convnet3": ConvNet3,
    "resnet14": ResNet14,
    "textconvnet": TextConvNet,
    "birnn": BiRNN,
    "bilstm": BiLSTM,
    "convlstm": ConvLSTM,
}


def build(name: str, shape: tuple[int, ...], outputs: int, masked: bool = True) -> nn.Module:
    """Build the network of that name, or yours by ``package.module:Class`` (see `distiller.networks.own`), in evaluation mode.

    ``shape`` is that of one example, ``outputs`` the number of logits; ``masked`` says whether a named network of sentences
    passes over padding. Raises `NetworkError` in one line for an unknown name and for a network that does not fit.
    """
    if ":" in name:
        return build_own(name, tuple(shape), outputs)
    if name not in NETWORKS:
        raise NetworkError(
            f"no network is named {name!r}; known: {', '.join(NETWORKS)}, or package.module:Class of yours"
        )
    network = NETWORKS[name](tuple(shape), outputs).eval()
    if isinstance(network, SentenceNetwork):
        network.masked = masked
    return network

"""Networks, and K of them at once.

`build` gives a plain `torch.nn.Module` by name, and `initialise` its parameters from a seed; `Stack` draws K initialisations
of it and computes them together.
"""

from .error import NetworkError
from .headless import Headless
from .initialise import SCHEMES, Parameters, initialise
from .registry import NETWORKS, build
from .stack import Stack

__all__ = ["NETWORKS", "SCHEMES", "Headless", "NetworkError", "Parameters", "Stack", "build", "initialise"]

"""Networks, and K of them at once.

`build` gives a plain `torch.nn.Module` by name; `Stack` draws K initialisations of it and computes them together.
"""

from .error import NetworkError
from .initialise import SCHEMES, Parameters
from .registry import NETWORKS, build
from .stack import Stack

__all__ = ["NETWORKS", "SCHEMES", "NetworkError", "Parameters", "Stack", "build"]

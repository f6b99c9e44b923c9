"""A network for which memory runs out where the variable ``HUNGRY`` names a folder: once for each of three tokens in it."""

import os
from pathlib import Path

from torch import nn


class Net(nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        for token in Path(os.environ["HUNGRY"]).glob("*") if "HUNGRY" in os.environ else ():
            try:
                token.unlink()
            except FileNotFoundError:
                continue
            raise MemoryError("as told")
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], classes))

    def forward(self, inputs):
        return self.layers(inputs)

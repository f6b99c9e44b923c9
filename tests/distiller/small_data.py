"""A data set that a test learns in seconds: two or more classes of blurred blobs, on a few pixels."""

import torch

from distiller.data import Dataset, Examples


def blobs(classes=3, shape=(1, 28, 28), train=60, held_out=24, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(classes, *shape, generator=generator, dtype=torch.float64)

    def draw(count):
        labels = torch.arange(count) % classes
        noise = torch.randn(count, *shape, generator=generator, dtype=torch.float64)
        return Examples((centres[labels] + 0.5 * noise).to(dtype), labels)

    statistics = {"mean": (0.0,) * shape[0], "std": (1.0,) * shape[0]}
    return Dataset(
        "blobs", classes, shape, **statistics, train=draw(train), validation=draw(held_out), test=draw(held_out)
    )

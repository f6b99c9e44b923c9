"""Data sets as tensors: by name through torchvision and scikit-learn, or a user's own NPZ file or folder of images.

They are looked for in $STILLHOUSE_DATA where it is set, else in ``data/`` in the working directory, then in the user's cache
folder. Neither torchvision nor scikit-learn is imported until a data set of theirs is read.
"""

from distiller.data.dataset import DataError, Dataset, Description, Examples
from distiller.data.holdings import Available, catalogue, fetch, locate
from distiller.data.loading import describe, load
from distiller.data.own import class_names

__all__ = [
    "Available",
    "DataError",
    "Dataset",
    "Description",
    "Examples",
    "catalogue",
    "class_names",
    "describe",
    "fetch",
    "load",
    "locate",
]

"""Data sets as tensors: by name through torchvision, torchtext and scikit-learn, or a user's own file or folder.

They are looked for in $STILLHOUSE_DATA where it is set, else in ``data/`` in the working directory, then in the user's cache
folder. None of the three libraries is imported until a data set of theirs is read.
"""

from distiller.data.dataset import DataError, Dataset, Description, Examples
from distiller.data.holdings import Available, catalogue, fetch, locate
from distiller.data.loading import check_text, describe, is_text, load, own_text, read_once
from distiller.data.own import class_names

__all__ = [
    "Available",
    "DataError",
    "Dataset",
    "Description",
    "Examples",
    "catalogue",
    "check_text",
    "class_names",
    "describe",
    "fetch",
    "is_text",
    "load",
    "locate",
    "own_text",
    "read_once",
]

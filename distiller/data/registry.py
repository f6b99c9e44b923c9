"""The data sets that have a name: what is known of each without reading it, and who reads it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from distiller.data.dataset import DataError, Description
from distiller.data.digits import Digits
from distiller.data.images import TorchvisionImages
from distiller.data.stored import Stored
from distiller.data.torchtext_sentences import TorchtextSentences

__all__ = ["REGISTRY", "Entry", "entry_of"]


class Origin(Protocol):
    """Where the examples come from; ``files`` are those that must be in a root, none for data that a package carries."""

    @property
    def files(self) -> tuple[str, ...]: ...

    def read(self, root: Path | None) -> tuple[Stored, Stored]: ...


@dataclass(frozen=True)
class Entry:
    """A named data set; ``mean`` and ``std`` are those of its whole training part, a number a channel, bytes as 0..1.

    Text has its own length and vectors of 100 numbers as its shape, unless a recipe says otherwise, and is not normalised.
    """

    about: str
    description: Description
    mean: tuple[float, ...]
    std: tuple[float, ...]
    origin: Origin | TorchtextSentences


def entry_of(name: str) -> Entry:
    """Return the data set of that name; raises `DataError` with the closest names for one that is not known."""
    if name in REGISTRY:
        return REGISTRY[name]
    close = difflib.get_close_matches(name.lower().replace("-", "_"), REGISTRY, n=1)
    guess = f"did you mean {close[0]}? " if close else ""
    raise DataError(
        f"no data set is named {name!r}: {guess}known are {', '.join(REGISTRY)}, and paths (./folder, own.npz)"
    )


def _idx_files(folder: str, train: str = "train", test: str = "t10k") -> tuple[str, ...]:
    return tuple(
        f"{folder}/raw/{part}-{kind}-ubyte" for part in (train, test) for kind in ("images-idx3", "labels-idx1")
    )


def _text(about: str, length: int, train: int, test: int, origin: TorchtextSentences) -> Entry:
    description = Description(classes=len(origin.classes), shape=(length, 100), train=train, test=test)
    return Entry(about, description, mean=(0.0,), std=(1.0,), origin=origin)


_TREC_FILES = ("trec/train_5500.label", "trec/TREC_10.label")
_TREC_FINE = (
    "ABBR:abb ABBR:exp DESC:def DESC:desc DESC:manner DESC:reason ENTY:animal ENTY:body ENTY:color ENTY:cremat ENTY:currency "
    "ENTY:dismed ENTY:event ENTY:food ENTY:instru ENTY:lang ENTY:letter ENTY:other ENTY:plant ENTY:product ENTY:religion "
    "ENTY:sport ENTY:substance ENTY:symbol ENTY:techmeth ENTY:termeq ENTY:veh ENTY:word HUM:desc HUM:gr HUM:ind HUM:title "
    "LOC:city LOC:country LOC:mount LOC:other LOC:state NUM:code NUM:count NUM:date NUM:dist NUM:money NUM:ord NUM:other "
    "NUM:perc NUM:period NUM:speed NUM:temp NUM:volsize NUM:weight"
)


# Statistics are those of the distillation papers' code (Wang et al. 2018; Bohdal et al. 2020, which takes MNIST's for KMNIST and
# EMNIST as well) where it has one that is of the data set; a line says where it does not.
REGISTRY: Mapping[str, Entry] = MappingProxyType(
    {
        "digits": Entry(
            "8x8 handwritten digits of scikit-learn, resized to 28x28; no download",
            Description(classes=10, shape=(1, 28, 28), train=1437, test=360),
            mean=(0.3050,),  # measured on the training part, after resizing
            std=(0.3247,),
            origin=Digits(),
        ),
        "mnist": Entry(
            "handwritten digits, grey 28x28",
            Description(classes=10, shape=(1, 28, 28), train=60000, test=10000),
            mean=(0.1307,),
            std=(0.3081,),
            origin=TorchvisionImages("MNIST", _idx_files("MNIST")),
        ),
        "mnist_rgb": Entry(
            # So that networks of SVHN's three channels take them (Wang et al. 2018, adaptation SVHN to MNIST).
            "MNIST, its grey repeated on three channels",
            Description(classes=10, shape=(3, 28, 28), train=60000, test=10000),
            mean=(0.1307,) * 3,
            std=(0.3081,) * 3,
            origin=TorchvisionImages("MNIST", _idx_files("MNIST"), channels=3),
        ),
        "fashion_mnist": Entry(
            "clothes, grey 28x28",
            Description(classes=10, shape=(1, 28, 28), train=60000, test=10000),
            mean=(0.2860,),  # the widely published figures; in none of the papers
            std=(0.3530,),
            origin=TorchvisionImages("FashionMNIST", _idx_files("FashionMNIST")),
        ),
        "kmnist": Entry(
            "cursive Japanese characters, grey 28x28",
            Description(classes=10, shape=(1, 28, 28), train=60000, test=10000),
            mean=(0.1307,),
            std=(0.3081,),
            origin=TorchvisionImages("KMNIST", _idx_files("KMNIST")),
        ),
        "emnist_letters": Entry(
            # Left transposed, as Bohdal et al. leave them; stored labels run from 1 to 26.
            "handwritten letters A-Z, grey 28x28, in their stored, transposed orientation",
            Description(classes=26, shape=(1, 28, 28), train=124800, test=20800),
            mean=(0.1307,),
            std=(0.3081,),
            origin=TorchvisionImages(
                "EMNIST",
                _idx_files("EMNIST", "emnist-letters-train", "emnist-letters-test"),
                train={"split": "letters", "train": True},
                test={"split": "letters", "train": False},
                first_label=1,
            ),
        ),
        "usps": Entry(
            # Wang et al. use another version, stored at 28x28 (7,438 / 1,860 images), and its statistics, 0.1597 and 0.2573;
            # these are measured on torchvision's training part after resizing, which is brighter.
            "handwritten digits of postcodes, grey 16x16, resized to 28x28",
            Description(classes=10, shape=(1, 28, 28), train=7291, test=2007),
            mean=(0.2540,),
            std=(0.3518,),
            origin=TorchvisionImages("USPS", ("usps.bz2", "usps.t.bz2"), size=(28, 28)),
        ),
        "svhn": Entry(
            "digits of house numbers, colour 32x32",
            Description(classes=10, shape=(3, 32, 32), train=73257, test=26032),
            mean=(0.4379, 0.4440, 0.4729),
            std=(0.1980, 0.2010, 0.1970),
            origin=TorchvisionImages(
                "SVHN",
                ("train_32x32.mat", "test_32x32.mat"),
                train={"split": "train"},
                test={"split": "test"},
                labels="labels",
            ),
        ),
        "cifar10": Entry(
            "photographs of ten kinds of things, colour 32x32",
            Description(classes=10, shape=(3, 32, 32), train=50000, test=10000),
            mean=(0.4914, 0.4822, 0.4465),
            std=(0.247, 0.243, 0.261),
            origin=TorchvisionImages(
                "CIFAR10",
                tuple(
                    f"cifar-10-batches-py/{file}"
                    for file in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta")
                ),
            ),
        ),
        "cifar100": Entry(
            "photographs of a hundred kinds of things, colour 32x32",
            Description(classes=100, shape=(3, 32, 32), train=50000, test=10000),
            # The widely published figures; Bohdal et al. take CIFAR-10's.
            mean=(0.5071, 0.4865, 0.4409),
            std=(0.2673, 0.2564, 0.2762),
            origin=TorchvisionImages(
                "CIFAR100", tuple(f"cifar-100-python/{file}" for file in ("train", "test", "meta"))
            ),
        ),
        # Lengths are those of TDD's final runs (Sucholutsky and Schonlau 2019).
        "imdb": _text(
            "reviews of films, negative or positive",
            length=400,
            train=25000,
            test=25000,
            origin=TorchtextSentences(
                "IMDB",
                ("imdb/aclImdb/train/pos/0_9.txt", "imdb/aclImdb/test/pos/0_10.txt"),
                ("neg", "pos"),
                names=("negative", "positive"),
            ),
        ),
        "sst5": _text(
            "sentences of reviews, five degrees from very negative to very positive",
            length=56,
            train=8544,
            test=2210,
            origin=TorchtextSentences(
                "SST",
                ("sst/trees/train.txt", "sst/trees/test.txt"),
                ("0", "1", "2", "3", "4"),
                names=("very negative", "negative", "neutral", "positive", "very positive"),
            ),
        ),
        "trec6": _text(
            "questions, by what they ask for: six kinds",
            length=30,
            train=5452,
            test=500,
            origin=TorchtextSentences("TREC", _TREC_FILES, ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")),
        ),
        "trec50": _text(
            "questions, by what they ask for: fifty kinds",
            length=20,
            train=5452,
            test=500,
            origin=TorchtextSentences("TREC", _TREC_FILES, tuple(_TREC_FINE.split()), fine_grained=True),
        ),
    }
)

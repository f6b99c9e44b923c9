"""Image data sets through torchvision's own classes, read in bulk: no transforms, no item-by-item loading."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from distiller.data.stored import Stored

__all__ = ["TorchvisionImages", "silence_ends"]

# Without one, a network that swallows packets holds a download for many minutes; the longest silence, not the longest download.
_SILENCE_SECONDS = 30.0


@dataclass(frozen=True)
class TorchvisionImages:
    """A data set of `torchvision.datasets`, with the arguments that select its training and its test part."""

    class_name: str
    files: tuple[str, ...]
    """What must be there to read it, relative to a root."""
    train: Mapping[str, Any] = field(default_factory=lambda: {"train": True})
    test: Mapping[str, Any] = field(default_factory=lambda: {"train": False})
    labels: str = "targets"
    """Name of the attribute that holds the labels."""
    first_label: int = 0
    """The number that the first class is stored as."""
    size: tuple[int, int] | None = None
    """Height and width to resize to; `None` leaves the pixels as they are."""
    channels: int = 1
    """How often a grey image's channel is repeated."""

    def read(self, root: Path | None) -> tuple[Stored, Stored]:
        """Return the training and the test examples in ``root``; what torchvision raises goes through."""
        return self._part(root, self.train), self._part(root, self.test)

    def fetch(self, root: Path) -> None:
        """Download into ``root`` by torchvision (with its checksums); what it raises goes through.

        Everything lands in a temporary folder first, and each file is then renamed into place: a download that breaks off
        leaves nothing that could be taken for the data set.
        """
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=root) as temporary, silence_ends():
            for arguments in (self.train, self.test):
                self._open(Path(temporary), arguments, download=True)
            for file in self.files:
                (root / file).parent.mkdir(parents=True, exist_ok=True)
                os.replace(Path(temporary) / file, root / file)

    def _part(self, root: Path | None, arguments: Mapping[str, Any]) -> Stored:
        opened = self._open(root, arguments, download=False)
        stored = Stored.of(opened.data, getattr(opened, self.labels), self.first_label)
        stored = stored if self.size is None else stored.resized(*self.size)
        return stored if self.channels == 1 else stored.repeated(self.channels)

    def _open(self, root: Path | None, arguments: Mapping[str, Any], download: bool) -> Any:
        import torchvision.datasets

        return getattr(torchvision.datasets, self.class_name)(root=root, download=download, **arguments)


@contextmanager
def silence_ends(seconds: float = _SILENCE_SECONDS) -> Iterator[None]:
    """Give up on a connection that says nothing for ``seconds``; torchvision and torchtext offer no timeout of their own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)

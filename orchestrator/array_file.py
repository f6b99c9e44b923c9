"""A distilled set as an NPZ file: plain arrays by name, which NumPy reads without any code of ours.

``inputs`` [S, M, *shape], ``labels`` [S, M, outputs], ``rates`` [T] in order of use and ``order`` [T], the batch of each;
``mean`` and ``std`` by channel, ``epochs`` and ``classes``; ``stillhouse`` holds the rest in JSON, and ``sha256`` is the
set's digest, which reading checks. Nothing is pickled.
"""

from __future__ import annotations

import io
import zipfile

import numpy as np
import torch

from distiller.distilled import Distilled, DistilledError
from orchestrator.place import Place
from orchestrator.set_metadata import from_metadata, metadata_of

__all__ = ["read_npz", "to_npz"]


def to_npz(distilled: Distilled) -> bytes:
    """Return the set as the bytes of an NPZ file."""
    steps = distilled.inputs.shape[0]
    tensors = {name: getattr(distilled, name).detach().cpu().numpy() for name in ("inputs", "labels", "rates")}
    file = io.BytesIO()
    np.savez(
        file,
        order=np.arange(len(distilled.rates)) % steps,
        mean=np.array(distilled.mean),
        std=np.array(distilled.std),
        epochs=np.array(distilled.epochs),
        classes=np.array(distilled.classes),
        stillhouse=np.array(metadata_of(distilled)),
        sha256=np.array(distilled.digest()),
        **tensors,
    )
    return file.getvalue()


def read_npz(path: Place) -> Distilled:
    """Read what `to_npz` wrote, exact to the bit.

    Raises `DistilledError` for a file that is damaged or holds something else, `OSError` where there is none.
    """
    payload = path.read_bytes()
    try:
        with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
            tensors = {name: torch.from_numpy(arrays[name]) for name in ("inputs", "labels", "rates")}
            return from_metadata(arrays["stillhouse"].item(), tensors, arrays["sha256"].item())
    except (zipfile.BadZipFile, DistilledError, EOFError, KeyError, TypeError, ValueError) as error:
        raise DistilledError(f"{path}: not a distilled set ({' '.join(str(error).split())})") from error

"""Distilled sets as Parquet: a row an example, tensors as columns; rates, order and normalisation in the file's metadata.

The metadata's key ``stillhouse.distilled`` holds JSON: ``order`` names the step of each of the ``rates`` in order of use, and
``rates_bytes`` holds them to the bit (base64, little-endian, of ``rates_dtype``), since JSON has no word for those that are not
finite; ``training`` says how the set is meant to be trained on, where that is not by these rates; of sentences, ``text`` says
their length and whose vectors they live among, and ``reading`` their nearest words. The file's name is `Distilled.digest`, which
reading checks.
"""

from __future__ import annotations

import base64
import io
import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from distiller.distilled import Distilled, DistilledError
from distiller.reading import Reading
from distiller.text import Text
from distiller.training import Training
from orchestrator.place import Place
from orchestrator.publish import make_folder, publish
from orchestrator.remote import system_of

__all__ = ["count_examples", "rates_of_file", "read_distilled", "write_distilled"]

_ABOUT = b"stillhouse.distilled"


def write_distilled(folder: Place, distilled: Distilled, settled: bool = True) -> str:
    """Write ``distilled`` to ``folder`` and return its name, a SHA-256; what is there already stays. See `publish`."""
    name = distilled.digest()
    path = folder / f"{name}.parquet"
    if not path.exists():
        make_folder(folder)
        publish(path, _to_parquet(_to_table(distilled, name)), settled=settled)
    return name


def read_distilled(path: Place) -> Distilled:
    """Read what `write_distilled` wrote, exact to the bit.

    Raises `DistilledError` for a file that is damaged or holds something else, `OSError` where there is none.
    """
    payload = path.read_bytes()
    try:
        # On this thread alone, which `pq.read_table` is not with any of its options: a thread of Arrow's that still lets go of
        # our bytes while Python exits aborts the process.
        with pq.ParquetFile(pa.BufferReader(payload), page_checksum_verification=True) as file:
            rows = file.read(use_threads=False)
        about = json.loads(rows.schema.metadata[_ABOUT])
        distilled = _from_table(rows, about)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise DistilledError(f"{path}: not a distilled set ({' '.join(str(error).split())})") from error
    if distilled.digest() != about.get("sha256"):
        raise DistilledError(f"{path}: damaged; what it holds is not what its name was made of")
    return distilled


def _to_table(distilled: Distilled, name: str) -> pa.Table:
    steps, per_step = distilled.inputs.shape[:2]
    columns = {
        "step": pa.array(np.repeat(np.arange(steps, dtype=np.int32), per_step)),
        "index": pa.array(np.tile(np.arange(per_step, dtype=np.int32), steps)),
        "input": _tensors(_array(distilled.inputs)),
        "label": _lists(_array(distilled.labels)),
    }
    about = json.dumps(_about(distilled, name))
    return pa.table(columns).replace_schema_metadata({_ABOUT: about.encode()})


def _about(distilled: Distilled, name: str) -> dict[str, Any]:
    rates = _array(distilled.rates)
    steps, per_step = distilled.inputs.shape[:2]
    training = distilled.training.plain()
    text = None if distilled.text is None else distilled.text.plain()
    reading = None if distilled.reading is None else distilled.reading.plain()
    told = {"training": training, "text": text, "reading": reading}
    return {key: value for key, value in told.items() if value} | {
        "sha256": name,
        "data": distilled.data,
        "network": distilled.network,
        "classes": distilled.classes,
        "mean": distilled.mean,
        "std": distilled.std,
        "steps": steps,
        "per_step": per_step,
        "epochs": distilled.epochs,
        "order": [t % steps for t in range(len(rates))],
        "rates": [rate if math.isfinite(rate) else None for rate in rates.tolist()],
        "rates_dtype": rates.dtype.newbyteorder("<").str,
        "rates_bytes": base64.b64encode(rates.astype(rates.dtype.newbyteorder("<")).tobytes()).decode(),
    }


def _from_table(rows: pa.Table, about: dict[str, Any]) -> Distilled:
    outer = (about["steps"], about["per_step"])
    inputs = rows.column("input").combine_chunks().to_numpy_ndarray()
    labels = rows.column("label").combine_chunks().flatten().to_numpy()
    rates = np.frombuffer(base64.b64decode(about["rates_bytes"]), dtype=about["rates_dtype"])
    return Distilled(
        inputs=_tensor(inputs.reshape(*outer, *inputs.shape[1:])),
        labels=_tensor(labels.reshape(*outer, -1)),
        rates=_tensor(rates),
        epochs=about["epochs"],
        classes=about["classes"],
        mean=tuple(about["mean"]),
        std=tuple(about["std"]),
        data=about["data"],
        network=about["network"],
        training=Training.parse(about.get("training", {})),
        text=Text.of(about.get("text")),
        reading=Reading.of(about.get("reading")),
    )


def _array(tensor: torch.Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().cpu().contiguous().numpy()
    return array


def _tensor(array: NDArray[Any]) -> torch.Tensor:
    """Return a tensor of its own memory: Arrow's may not be written to."""
    return torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=True))


def _tensors(batches: NDArray[Any]) -> pa.Array:
    """Return [S, M, *shape] as S * M fixed-shape tensors."""
    shape = batches.shape[2:]
    kind = pa.fixed_shape_tensor(pa.from_numpy_dtype(batches.dtype), shape)
    flat = pa.FixedSizeListArray.from_arrays(pa.array(batches.ravel()), math.prod(shape))
    return pa.ExtensionArray.from_storage(kind, flat)


def _lists(batches: NDArray[Any]) -> pa.Array:
    """Return [S, M, outputs] as S * M lists."""
    outputs = batches.shape[2]
    offsets = pa.array(np.arange(0, batches.size + 1, outputs, dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(batches.ravel()))


def count_examples(path: Place) -> int | None:
    """Return the number of examples in the file, from its last bytes alone; `None` where there is no such file, or it is torn."""
    system, where = system_of(path)
    try:
        return int(pq.read_metadata(where, filesystem=system).num_rows)
    except (pa.ArrowException, OSError):
        return None


def rates_of_file(path: Place) -> list[tuple[int, int, float]]:
    """Return (step, pass, rate) of each step of training, in order, from a file's last bytes; none where it is torn."""
    system, where = system_of(path)
    try:
        about = json.loads(pq.read_metadata(where, filesystem=system).metadata[_ABOUT])
        rates = np.frombuffer(base64.b64decode(about["rates_bytes"]), dtype=about["rates_dtype"]).tolist()
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError):
        return []
    return [(step, t // about["steps"], rate) for t, (step, rate) in enumerate(zip(about["order"], rates, strict=True))]


def _to_parquet(rows: pa.Table) -> bytes:
    """Return the file: no dictionary, which makes tensors half as large again, and bytes of equal weight side by side."""
    file = io.BytesIO()
    options = {"use_dictionary": False, "use_byte_stream_split": ["input.list.element", "label.list.element"]}
    pq.write_table(rows, file, compression="zstd", write_page_checksum=True, **options)
    return file.getvalue()

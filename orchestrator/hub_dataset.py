"""A distilled set as a data set of the Hugging Face Hub: two Parquet tables and a card, read by `datasets` with no code of ours.

``data/examples.parquet`` has a row an example, in order of step and index: ``image`` (where inputs are pictures), ``input`` in
normalised space, ``label``, and the ``class`` that it stands for. ``data/schedule.parquet`` has a row a step of training, in
order of use: ``pass``, ``step`` and ``rate``.
"""

from __future__ import annotations

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
from distiller.pictures import are_images, leading_class, picture, pixels
from orchestrator.place import Place
from orchestrator.set_metadata import from_metadata, metadata_of

__all__ = ["EXAMPLES", "SCHEDULE", "is_hub_dataset", "read_hub_dataset", "to_examples", "to_schedule"]

EXAMPLES, SCHEDULE = "data/examples.parquet", "data/schedule.parquet"
_ABOUT, _DIGEST, _FEATURES = b"stillhouse", b"stillhouse.sha256", b"huggingface"


def to_examples(distilled: Distilled) -> bytes:
    """Return the table of examples as a Parquet file, its column types also as `datasets` names them."""
    steps, per_step = distilled.inputs.shape[:2]
    inputs, labels = (each.detach().cpu().flatten(0, 1).numpy() for each in (distilled.inputs, distilled.labels))
    columns = {
        "step": pa.array(np.repeat(np.arange(steps, dtype=np.int32), per_step)),
        "index": pa.array(np.tile(np.arange(per_step, dtype=np.int32), steps)),
        "class": pa.array([leading_class(label) for label in labels.tolist()], pa.int64()),
        "label": _nested(labels),
        "input": _nested(inputs),
    }
    if are_images(distilled):
        columns["image"] = _images(distilled)
    table = pa.table(columns)
    about = {
        _ABOUT: metadata_of(distilled),
        _DIGEST: distilled.digest(),
        _FEATURES: json.dumps({"info": {"features": _features(table, inputs)}}),
    }
    return _to_parquet(table.replace_schema_metadata(about))


def to_schedule(distilled: Distilled) -> bytes:
    """Return the table of training steps as a Parquet file."""
    steps = distilled.inputs.shape[0]
    used = np.arange(len(distilled.rates), dtype=np.int32)
    rates = pa.array(distilled.rates.detach().cpu().numpy())
    return _to_parquet(pa.table({"pass": pa.array(used // steps), "step": pa.array(used % steps), "rate": rates}))


def is_hub_dataset(folder: Place) -> bool:
    """Say whether ``folder`` looks like what is exported as such a data set."""
    return (folder / EXAMPLES).is_file()


def read_hub_dataset(folder: Place) -> Distilled:
    """Read a set back, exact to the bit.

    Raises `DistilledError` for files that are damaged or hold something else, `OSError` where one is absent.
    """
    examples, schedule = (_read(folder / name) for name in (EXAMPLES, SCHEDULE))
    try:
        examples = examples.sort_by([("step", "ascending"), ("index", "ascending")])
        steps = examples.column("step")[-1].as_py() + 1
        tensors = {f"{name}s": _split(_flat(examples.column(name)), steps) for name in ("input", "label")}
        tensors["rates"] = torch.from_numpy(schedule.column("rate").to_numpy().copy())
        metadata = examples.schema.metadata
        return from_metadata(metadata[_ABOUT].decode(), tensors, metadata[_DIGEST].decode())
    except (pa.ArrowException, DistilledError, KeyError, IndexError, TypeError, ValueError) as error:
        raise DistilledError(f"{folder}: not a distilled set ({' '.join(str(error).split())})") from error


def _nested(values: NDArray[Any]) -> pa.Array:
    """Return [N, *shape] as N nested lists of that shape."""
    array = pa.array(values.ravel())
    for size in reversed(values.shape[1:]):
        array = pa.ListArray.from_arrays(pa.array(np.arange(0, len(array) + 1, size, dtype=np.int32)), array)
    return array


def _flat(column: pa.ChunkedArray) -> NDArray[Any]:
    """Return N nested lists of one shape as an array [N, *shape]."""
    array, sizes = column.combine_chunks(), [len(column)]
    while pa.types.is_list(array.type):
        outer, array = len(array), array.flatten()
        sizes.append(len(array) // outer)
    values: NDArray[Any] = array.to_numpy().reshape(sizes)
    return values


def _split(values: NDArray[Any], steps: int) -> torch.Tensor:
    """Return [S * M, *shape] as a tensor [S, M, *shape] of its own memory."""
    return torch.from_numpy(values.reshape(steps, -1, *values.shape[1:]).copy())


def _images(distilled: Distilled) -> pa.Array:
    shown = pixels(distilled)
    files = []
    for image in shown.reshape(math.prod(shown.shape[:2]), *shown.shape[2:]):
        file = io.BytesIO()
        picture(image).save(file, "png")
        files.append({"bytes": file.getvalue(), "path": None})
    return pa.array(files, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))


def _features(table: pa.Table, inputs: NDArray[Any]) -> dict[str, Any]:
    """Return the columns' types by the names that `datasets` has for them."""
    number = {"dtype": str(inputs.dtype), "_type": "Value"}
    shape, rank = list(inputs.shape[1:]), inputs.ndim - 1
    array = {"shape": shape, "dtype": str(inputs.dtype), "_type": f"Array{rank}D"}
    features: dict[str, Any] = {name: {"dtype": "int32", "_type": "Value"} for name in ("step", "index")}
    features["class"] = {"dtype": "int64", "_type": "Value"}
    features["label"] = {"feature": number, "_type": "Sequence"}
    features["input"] = array if rank > 1 else {"feature": number, "_type": "Sequence"}
    return features | ({"image": {"_type": "Image"}} if "image" in table.column_names else {})


def _to_parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd", use_dictionary=False, write_page_checksum=True)
    return file.getvalue()


def _read(path: Place) -> pa.Table:
    """Read on this thread alone; see `orchestrator.distilled_table.read_distilled`."""
    payload = path.read_bytes()
    try:
        with pq.ParquetFile(pa.BufferReader(payload), page_checksum_verification=True) as file:
            return file.read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise DistilledError(f"{path}: not a whole Parquet file ({' '.join(str(error).split())})") from error

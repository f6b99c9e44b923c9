"""The answer of a query as a file, whose ending says what it is: Parquet with the exact types, CSV, or JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from orchestrator.answer import answer_csv, answer_plain
from orchestrator.publish import publish
from orchestrator.query import QueryError

__all__ = ["check_answer_file", "write_answer"]

_ENDINGS = (".parquet", ".csv", ".json")


def check_answer_file(path: Path) -> None:
    """Raise `QueryError` where ``path`` has another ending, is there already, or has no folder; ask before the question."""
    if path.suffix not in _ENDINGS:
        raise QueryError(f"--to {path}: expected a file that ends in {', '.join(_ENDINGS)}")
    if path.exists():
        raise QueryError(f"--to {path}: is there already; name another file")
    if not path.parent.is_dir():
        raise QueryError(f"--to {path}: there is no folder {path.parent}; make it, or name another")


def write_answer(answer: pa.Table, path: Path) -> None:
    """Write the answer to a new file. Raises `QueryError` where Parquet has no such columns, `OSError` where there is no room."""
    if path.suffix == ".parquet":
        payload = _parquet(answer)
    elif path.suffix == ".csv":
        payload = answer_csv(answer).encode()
    else:
        payload = json.dumps(answer_plain(answer), indent=1, default=str, allow_nan=False).encode() + b"\n"
    publish(path, payload, replace=False)


def _parquet(answer: pa.Table) -> bytes:
    if len(set(answer.column_names)) < answer.num_columns:
        raise QueryError(
            f"Parquet wants a name of its own for each column; give some with AS: {', '.join(answer.column_names)}"
        )
    file = io.BytesIO()
    pq.write_table(answer, file, compression="zstd")
    return file.getvalue()

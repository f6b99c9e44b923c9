"""A trial's parameters as a Parquet struct: a nullable field for each dimension of the search, of the dimension's own kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from sweeps import Sweep

__all__ = ["params_of", "params_row", "params_type", "space_of"]

_KINDS = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}


def space_of(sweep: Sweep) -> dict[str, dict[str, Any]] | None:
    """Return a sweep's search space in plain form; `None` where nothing is searched."""
    return None if sweep.search is None else {name: each.plain() for name, each in sweep.search.space.items()}


def params_type(space: Mapping[str, Mapping[str, Any]] | None) -> pa.StructType | None:
    """Return the type of the ``params`` column for a search ``space`` in plain form; `None` where nothing is searched."""
    return None if space is None else pa.struct([pa.field(name, _kind(dimension)) for name, dimension in space.items()])


def params_row(space: Mapping[str, Mapping[str, Any]] | None, params: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return ``params`` as the column holds them: choices of mixed kinds, of lists and of mappings as JSON text."""
    if space is None:
        return None
    return {
        name: json.dumps(params[name]) if _is_json(dimension) else params[name] for name, dimension in space.items()
    }


def params_of(space: Mapping[str, Mapping[str, Any]] | None, row: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what `params_row` gave as the search had it."""
    if space is None or row is None:
        return {}
    return {name: json.loads(row[name]) if _is_json(dimension) else row[name] for name, dimension in space.items()}


def _kind(dimension: Mapping[str, Any]) -> pa.DataType:
    if "choice" not in dimension:
        return pa.int64() if "int" in dimension else pa.float64()
    return pa.string() if _is_json(dimension) else _KINDS[type(dimension["choice"][0])]


def _is_json(dimension: Mapping[str, Any]) -> bool:
    kinds = {type(choice) for choice in dimension.get("choice", ())}
    return bool(kinds) and (len(kinds) > 1 or not kinds <= set(_KINDS))

"""What the three tables of a run hold: their columns, their keys, and the check that a row fits.

More columns may follow in later versions, none goes and none changes its type; `SCHEMA_VERSION` counts, in each file's metadata.
Accuracies are fractions of 1, times are in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

__all__ = ["KEYS", "SCHEMA_VERSION", "TABLES", "RecordsError", "Row", "RowCheck", "TableError", "schema_of"]

SCHEMA_VERSION = 1

Row = dict[str, Any]

# In the order of publishing: a trial's row is never committed before the evaluations and the curve that it sums up.
TABLES = ("evaluations", "curves", "trials")

KEYS = {
    "evaluations": ("trial", "phase", "run", "draw", "split", "network", "init"),
    "curves": ("trial", "run", "outer_step"),
    "trials": ("trial",),
}


class RecordsError(Exception):
    """A row that cannot be taken, or a part that cannot be read or written as it should, in one line that names it."""


class TableError(RecordsError):
    """A table, a column or a value that does not exist or does not fit, in one line."""


@dataclass(frozen=True)
class _Column:
    """A column: ``about`` is written into the file; ``values`` are the only ones it takes, where they are named."""

    name: str
    type: pa.DataType
    about: str
    nullable: bool = False
    values: tuple[str, ...] | None = None


_STATUSES = ("complete", "raced_out", "pruned", "diverged", "failed")

_COLUMNS = {
    "trials": (
        _Column("trial", pa.int32(), "number of the trial, in the order of asking"),
        _Column("status", pa.string(), "how the trial ended: " + ", ".join(_STATUSES), values=_STATUSES),
        _Column("cause", pa.string(), "why a diverged or failed trial ended so", nullable=True),
        _Column("params", pa.null(), "what the search chose; null where nothing is searched", nullable=True),
        _Column("recipe", pa.string(), "the whole settled recipe, in JSON"),
        _Column("objectives", pa.list_(pa.float64()), "what the search was told", nullable=True),
        _Column("inits", pa.int32(), "networks trained in the search phase"),
        _Column("accuracy_mean", pa.float64(), "mean over the networks of the search phase", nullable=True),
        _Column("accuracy_sd", pa.float64(), "standard deviation over them, with n - 1; null for one", nullable=True),
        _Column("accuracy_se", pa.float64(), "standard error of the mean; null for one", nullable=True),
        _Column("distilled", pa.string(), "SHA-256 that names the distilled set's file", nullable=True),
        _Column("outer_steps", pa.int32(), "outer steps done"),
        _Column("seconds", pa.float64(), "from start to end in the driver that ended it"),
        _Column("device_seconds", pa.float64(), "sum over its outer steps and its networks"),
        _Column("attempts", pa.int32(), "how often the driver that ended it tried; lost nodes are free"),
        _Column("error", pa.string(), "message and end of the traceback of a failed trial", nullable=True),
    ),
    "evaluations": (
        _Column("trial", pa.int32(), "number of the trial; -1 for a baseline"),
        _Column("phase", pa.string(), "search, final, baseline/NAME, tune/NAME, full, extra or extra/WAY"),
        _Column("run", pa.int32(), "which distillation of the recipe; 0 is the search's"),
        _Column("draw", pa.int32(), "which draw of a stochastic baseline"),
        _Column("split", pa.string(), "examples that accuracy is measured on", values=("train", "validation", "test")),
        _Column("network", pa.string(), "the network's name; knn where none is trained"),
        _Column("init", pa.int32(), "which initialisation of the phase"),
        _Column("seed", pa.uint64(), "the initialisation's seed; 0 where no network is trained"),
        _Column("accuracy", pa.float64(), "after training, 0 .. 1, against the objective's labels"),
        _Column("accuracy_before", pa.float64(), "before training, 0 .. 1, where measured", nullable=True),
        _Column("loss", pa.float64(), "after training; null where not finite", nullable=True),
        _Column("rate", pa.float64(), "the constant learning rate; null for a set's own rates", nullable=True),
        _Column("neighbours", pa.int32(), "k of nearest neighbours; null where networks are trained", nullable=True),
        _Column("norm", pa.float64(), "p of the norm by which they are near; null likewise", nullable=True),
        _Column(
            "training", pa.string(), "how it was trained, in JSON, where that is not the set's own way", nullable=True
        ),
        _Column("init_scheme", pa.string(), "how it was drawn, where that is not the recipe's own way", nullable=True),
        _Column("chunk", pa.int32(), "networks that were computed at once"),
        _Column("device", pa.string(), "what computed it"),
        _Column("node", pa.string(), "the host that computed it"),
        _Column("seconds", pa.float64(), "this network's share of its task"),
        _Column("distilled", pa.string(), "SHA-256 of the set it was trained on; null for a baseline", nullable=True),
        _Column(
            "overall_accuracy", pa.float64(), "against the true labels, where the objective is an attack", nullable=True
        ),
        _Column(
            "class_accuracies",
            pa.list_(pa.float64()),
            "of each class against the true labels, where the objective is an attack",
            nullable=True,
        ),
        _Column(
            "attack_share", pa.float64(), "of the attacked class, the share that is taken for the target", nullable=True
        ),
    ),
    "curves": (
        _Column("trial", pa.int32(), "number of the trial"),
        _Column("run", pa.int32(), "which distillation of the recipe; 0 is the search's"),
        _Column("outer_step", pa.int32(), "outer step, from 0"),
        _Column("loss", pa.float64(), "outer loss, the mean over networks", nullable=True),
        _Column("accuracy", pa.float64(), "on the real batch, 0 .. 1, where measured", nullable=True),
        _Column("gradient_norm", pa.float64(), "norm of the whole meta-gradient, before clipping", nullable=True),
        _Column(
            "validation", pa.float64(), "after the step, on the validation examples, where measured", nullable=True
        ),
        _Column("seconds", pa.float64(), "duration of the outer step"),
    ),
}


def schema_of(table: str, params: pa.StructType | None = None) -> pa.Schema:
    """Return the schema of ``table``; ``params`` is the type of that column in `trials`, None where nothing is searched.

    Raises `TableError` for a table that does not exist.
    """
    fields = []
    for column in _columns(table):
        kind = params if column.name == "params" and params is not None else column.type
        fields.append(pa.field(column.name, kind, column.nullable, {"description": column.about}))
    return pa.schema(fields, {"stillhouse.table": table, "stillhouse.schema": str(SCHEMA_VERSION)})


class RowCheck:
    """Checks rows of one table against its schema, and gives them the very values that reading them back will give."""

    def __init__(self, table: str, params: pa.StructType | None = None) -> None:
        self._table = table
        types = schema_of(table, params)
        self._columns = [(c.name, c.nullable, _reader(types.field(c.name).type, c.values)) for c in _columns(table)]
        self._names = frozenset(types.names)

    def __call__(self, row: Mapping[str, Any]) -> Row:
        """Return ``row`` in the table's columns and kinds.

        Raises `TableError` for a column that is missing or unknown and for a value of the wrong kind.
        """
        if row.keys() != self._names:
            self._refuse_columns(row)
        checked: Row = {}
        for name, nullable, read in self._columns:
            value = row[name]
            if value is None and nullable:
                checked[name] = None
                continue
            try:
                checked[name] = read(value)
            except _WrongKindError as wrong:
                raise TableError(f"{self._table}: {wrong.place(name)}: expected {wrong}, got {value!r:.60}") from None
        return checked

    def _refuse_columns(self, row: Mapping[str, Any]) -> None:
        for name in row:
            if name not in self._names:
                raise TableError(f"{self._table}: unknown column {name!r}; known: {', '.join(sorted(self._names))}")
        missing = next(name for name, _, _ in self._columns if name not in row)
        raise TableError(f"{self._table}: column {missing!r} is missing; null has to be said")


class _WrongKindError(Exception):
    """A value that a column cannot take: the text says what it takes, ``key`` where in a struct."""

    def __init__(self, expected: str, key: str = "") -> None:
        super().__init__(expected)
        self.key = key

    def place(self, column: str) -> str:
        return f"{column}.{self.key}" if self.key else column


def _columns(table: str) -> tuple[_Column, ...]:
    if table not in _COLUMNS:
        raise TableError(f"no table {table!r}; there are {', '.join(sorted(_COLUMNS))}")
    return _COLUMNS[table]


def _reader(kind: pa.DataType, values: tuple[str, ...] | None = None) -> Callable[[Any], Any]:
    """Return the function that checks a value of one Arrow type and returns it as the plain value that Arrow gives back."""
    if pa.types.is_integer(kind):
        bits, signed = kind.bit_width, pa.types.is_signed_integer(kind)
        return _whole_number(-(2 ** (bits - 1)) if signed else 0, 2 ** (bits - 1 if signed else bits) - 1)
    if pa.types.is_list(kind):
        return _list(_reader(kind.value_type))
    if pa.types.is_struct(kind):
        return _struct({field.name: _reader(field.type) for field in kind})
    if pa.types.is_string(kind):
        return _string(values)
    if pa.types.is_floating(kind):
        return _number
    return _boolean if pa.types.is_boolean(kind) else _nothing


def _whole_number(least: int, most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise _WrongKindError(f"a whole number of {least} .. {most}")
        return value

    return read


def _number(value: Any) -> float:
    if not isinstance(value, float | int) or isinstance(value, bool):
        raise _WrongKindError("a number")
    try:
        return float(value)
    except OverflowError:
        raise _WrongKindError("a number that a double holds") from None


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _WrongKindError("true or false")
    return value


def _nothing(value: Any) -> None:
    if value is not None:
        raise _WrongKindError("nothing")


def _string(values: tuple[str, ...] | None) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or (values is not None and value not in values):
            raise _WrongKindError("text" if values is None else "one of " + ", ".join(values))
        # A traceback may hold bytes of a file's name that are no text; they must not keep a row from being written.
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()

    return read


def _list(item: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    def read(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise _WrongKindError("a list")
        return [item(element) for element in value]

    return read


def _struct(fields: dict[str, Callable[[Any], Any]]) -> Callable[[Any], dict[str, Any]]:
    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not value.keys() <= fields.keys():
            raise _WrongKindError("a mapping of " + ", ".join(fields))
        return {name: _field(name, field, value.get(name)) for name, field in fields.items()}

    return read


def _field(name: str, read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return None if value is None else read(value)
    except _WrongKindError as wrong:
        raise _WrongKindError(str(wrong), name) from None

"""Append rows to a run's tables, part by part, and read all of them back.

A table is a folder of Parquet parts, ``part-000000.parquet`` and so on; publishing a part is what commits its rows. Many parts
are copied into one now and then, since a reader pays for each file (see `orchestrator.parts`). Part n is published only where no
part n exists, by a writer that knows the keys of all parts before it; so even two writers that both hold themselves for the only
one cannot commit a key twice: the slower one's next part is refused.
"""

from __future__ import annotations

import contextlib
import io
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestrator.keys import Key, Keys
from orchestrator.parts import MERGED, merged_name, part_name, part_paths, part_range, unmerged
from orchestrator.place import Place
from orchestrator.publish import clear_temporaries, make_folder, publish
from orchestrator.remote import source_of
from orchestrator.tables import KEYS, SCHEMA_VERSION, TABLES, RecordsError, Row, RowCheck, TableError, schema_of

__all__ = [
    "KEYS", "SCHEMA_VERSION", "TABLES", "DuplicateKey", "Records", "RecordsError", "Row", "TableError", "part_paths",
    "part_schema", "publish", "read", "schema_of", "withdraw",
]  # fmt: skip

FLUSH_ROWS = 100
"""Rows of one table that are published as soon as they are there."""
FLUSH_SECONDS = 5.0
"""Age of the oldest row at which `Records.tick` publishes all: what a crash costs at most."""
MERGE_PARTS = 200
"""Parts of one table that are copied into one file as soon as they are there."""
_BATCH = 10_000  # rows that are turned into Python's own values at once


class DuplicateKey(RecordsError):  # noqa: N818
    """A row whose key is there already."""


class Records:
    """The single writer of a run's rows. Construct it only under the run's lease.

    ``params`` is the type of the column of that name, with every dimension of the search; None where nothing is searched. Rows
    are buffered; a table's are published when `FLUSH_ROWS` are there, and all when the oldest is `FLUSH_SECONDS` old and `tick`
    is called. A trial's row is never published before evaluations and curves that were appended before it.
    """

    def __init__(self, folder: Place, params: pa.StructType | None) -> None:
        """Open the tables in the run's ``folder``; remove what dead writers left and read the committed keys.

        Raises `RecordsError` for a part that is damaged, of a newer schema, or repeats a key.
        """
        self._tables = {table: _Table(folder, table, params) for table in TABLES}
        self._oldest: float | None = None
        self._flushed = -math.inf
        self._then: list[Callable[[], None]] = []
        self._before: Callable[[], None] = lambda: None

    def append(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add ``rows`` to ``table``: all of them or none. They name every column, with None for null.

        Raises `TableError` for a row that does not fit, `DuplicateKey` for a key that is there, both before anything is added;
        `OSError` where rows had to be published and could not be: they then stay, and the next flush tries again.
        """
        self._table(table).add(rows)
        if rows and self._oldest is None:
            self._oldest = time.monotonic()
        if self._table(table).waiting >= FLUSH_ROWS:
            self._publish(TABLES if table == "trials" else (table,))

    def flush(self, every: float = 0.0) -> None:
        """Publish every row, unless the last flush was less than ``every`` seconds ago.

        `OSError` is let through; rows that were not published stay for the next flush.
        """
        if time.monotonic() - self._flushed >= every:
            self._publish(TABLES)
            self._flushed = time.monotonic()

    def merge(self) -> None:
        """Copy the parts of each table that are in no merged file yet into one; call it where nothing more is to come soon.

        Parts stay as they are. Raises `RecordsError` where one of them is damaged; `OSError` is let through.
        """
        for table in self._tables.values():
            table.merge()

    def before_commits(self, action: Callable[[], None]) -> None:
        """Call ``action`` whenever rows are about to be published: what they speak of has to be there first."""
        self._before = action

    def when_committed(self, action: Callable[[], None]) -> None:
        """Call ``action`` once every row appended so far is published: now, or in the flush that does it."""
        self._then.append(action)
        self._settle()

    def tick(self) -> None:
        """Flush if the oldest unpublished row is `FLUSH_SECONDS` old; cheap enough for every turn of a loop."""
        if self._oldest is not None and time.monotonic() - self._oldest >= FLUSH_SECONDS:
            self.flush()

    def has(self, table: str, key: Key) -> bool:
        """Say whether ``table`` has a row of this ``key``, published or not; the order of its columns is that of `KEYS`."""
        return key in self._table(table).keys

    def rows(self, table: str) -> list[Row]:
        """Return every row of ``table``, in the order of appending."""
        return list(self.each(table))

    def each(self, table: str, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield what `rows` returns, one by one and with just ``columns`` where these are named: all may be too many to hold."""
        return self._table(table).each(columns)

    def _publish(self, tables: Iterable[str]) -> None:
        if any(table.waiting for table in self._tables.values()):
            self._before()
        for table in tables:
            self._tables[table].publish()
        if not any(table.waiting for table in self._tables.values()):
            self._oldest = None
            self._settle()

    def _settle(self) -> None:
        """Do what waits for all rows to be published, if they are."""
        while self._then and self._oldest is None:
            self._then.pop(0)()

    def _table(self, table: str) -> _Table:
        if table not in self._tables:
            raise TableError(f"no table {table!r}; there are {', '.join(sorted(TABLES))}")
        return self._tables[table]


class _Table:
    """One table's keys, unpublished rows, and next part."""

    def __init__(self, folder: Place, table: str, params: pa.StructType | None) -> None:
        self._run, self._name = folder, table
        self._folder = folder / table
        self._schema = schema_of(table, params)
        self._check = RowCheck(table, params)
        make_folder(self._folder)
        clear_temporaries(self._folder)
        self._buffer: dict[Key, Row] = {}
        self.keys = _committed_keys(folder, table)
        numbers = [bounds[1] for path in part_paths(folder, table) if (bounds := part_range(path))]
        self._next = 1 + max(numbers, default=-1)
        self._small = unmerged(folder, table)
        """The numbers of the parts that no merged file holds yet, in order."""

    @property
    def waiting(self) -> int:
        return len(self._buffer)

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        added: dict[Key, Row] = {}
        for row in rows:
            checked = self._check(row)
            key = tuple(checked[name] for name in KEYS[self._name])
            if key in self.keys or key in added:
                raise DuplicateKey(f"{self._name}: {_describe(self._name, key)} is there already")
            added[key] = checked
        self._buffer.update(added)
        self.keys.update(added)

    def publish(self) -> None:
        if not self._buffer:
            return
        rows = pa.Table.from_pylist(list(self._buffer.values()), self._schema)
        path = self._folder / part_name(self._next)
        try:
            publish(path, _to_parquet(rows), replace=False)
        except FileExistsError:
            raise RecordsError(f"{path}: written by another driver meanwhile; stop it, then resume") from None
        self._small.append(self._next)
        self._next += 1
        self._buffer.clear()
        if len(self._small) >= MERGE_PARTS:
            self.merge()

    def merge(self) -> None:
        if len(self._small) < 2:
            return
        small = [self._folder / part_name(number) for number in self._small]
        parts = [self._schema.empty_table(), *map(_read_part, small)]
        merged = pa.concat_tables(parts, promote_options="permissive")
        make_folder(self._folder / MERGED)
        publish(self._folder / MERGED / merged_name(self._small[0], self._small[-1]), _to_parquet(merged), replace=True)
        self._small = []

    def each(self, columns: Sequence[str] | None) -> Iterator[Row]:
        for batch in read(self._run, self._name, columns).to_batches(_BATCH):
            yield from batch.to_pylist()
        yield from (
            dict(row) if columns is None else {name: row[name] for name in columns} for row in self._buffer.values()
        )


def read(
    folder: Place, table: str, columns: Sequence[str] | None = None, keep: pc.Expression | None = None
) -> pa.Table:
    """Return all committed rows of a run's ``table``, in the order of their parts, with all columns or just ``columns``.

    Of each part only the rows that ``keep`` is true of are held, which saves memory where that is a few of many.
    Where parts differ in columns or dimensions of the search, all of them are there, null where a part has none. Raises
    `TableError` for a table or column that does not exist, `RecordsError` for a part that is damaged or of a newer schema.
    """
    empty = schema_of(table).empty_table()
    if columns is not None:
        empty = empty.select([name for name in columns if name in empty.column_names])
    found = (_read_part(path, columns) for path in part_paths(folder, table))
    parts = [empty, *(found if keep is None else (part.filter(keep) for part in found))]
    rows = pa.concat_tables(parts, promote_options="permissive")
    if columns is None:
        return rows
    for name in columns:
        if name not in rows.column_names:
            raise TableError(f"{table}: no column {name!r}; there are {', '.join(schema_of(table).names)}")
    return rows.select(list(columns))


def withdraw(folder: Place, table: str, wanted: Callable[[Row], bool]) -> list[Row]:
    """Take the rows of ``table`` for which ``wanted`` is true out of their parts, and return them; call it under the run's lease.

    A part is replaced whole, and keeps its number. Copies of parts are removed before: they can be made again.
    """
    rows = [row for row in read(folder, table).to_pylist() if wanted(row)]
    if not rows:
        return []
    for copy in (folder / table / MERGED).glob("*.parquet"):
        copy.unlink()
    for path in part_paths(folder, table):
        part = _read_part(path)
        kept = [not wanted(row) for row in part.to_pylist()]
        if not all(kept):
            publish(path, _to_parquet(part.filter(pa.array(kept))))
    return rows


def part_schema(path: Place) -> pa.Schema:
    """Return the schema of one published part. Raises `RecordsError` where it is damaged or of a newer schema."""
    with _opened(path) as part:
        return part.schema_arrow


def _read_part(path: Place, columns: Sequence[str] | None = None) -> pa.Table:
    with _opened(path) as part:
        return part.read(columns=columns, use_threads=False)


@contextlib.contextmanager
def _opened(path: Place) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(source_of(path), page_checksum_verification=True) as part:
            version = int((part.schema_arrow.metadata or {}).get(b"stillhouse.schema", b"1"))
            if version > SCHEMA_VERSION:
                raise RecordsError(
                    f"{path}: of schema {version}, which only a newer Stillhouse reads; upgrade this one"
                )
            yield part
    except (FileNotFoundError, PermissionError):
        raise
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise RecordsError(f"{path}: not a whole Parquet part ({reason})") from error


def _committed_keys(folder: Place, table: str) -> Keys:
    keys = Keys()
    for path in part_paths(folder, table):
        for key in _keys_of(path, KEYS[table]):
            if key in keys:
                raise RecordsError(f"{path}: repeats {_describe(table, key)} of an earlier part; remove one of them")
            keys.add(key)
    return keys


def _keys_of(path: Place, names: Sequence[str]) -> Iterator[Key]:
    part = _read_part(path, names)
    columns = [part.column(name).to_pylist() for name in names]
    # A name is the same string in a million keys: hold it once.
    shared = [[sys.intern(value) if isinstance(value, str) else value for value in column] for column in columns]
    return zip(*shared, strict=True)


def _describe(table: str, key: Key) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(KEYS[table], key, strict=True))


def _to_parquet(rows: pa.Table) -> bytes:
    """Return ``rows`` as one Parquet file: text by dictionary, pages with a checksum, so that damage is not read as data."""
    text = [field.name for field in rows.schema if pa.types.is_string(field.type)]
    file = io.BytesIO()
    pq.write_table(rows, file, compression="zstd", use_dictionary=text, write_page_checksum=True)
    return file.getvalue()

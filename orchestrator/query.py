"""Answer SQL over a run's tables, by DuckDB.

DuckDB reads the committed parts through Arrow, only the columns and row groups that a question needs. It gets no access to files
of its own: whatever the SQL says, it can neither write anywhere nor read anything else than this run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from orchestrator.interval import student_t
from orchestrator.place import Place
from orchestrator.query_tables import SMALL_TABLES
from orchestrator.records import TABLES, RecordsError, part_paths, part_schema, schema_of
from orchestrator.remote import system_of
from orchestrator.views import VIEWS

__all__ = ["QueryError", "asking", "query"]

# What a file of `distilled` holds, and its name; float64 holds both kinds of tensors exactly.
_DISTILLED = pa.schema(
    [
        ("file", pa.string()),
        ("step", pa.int32()),
        ("index", pa.int32()),
        ("input", pa.list_(pa.float64())),
        ("label", pa.list_(pa.float64())),
    ]
)

_NAMES = ("trials", "evaluations", "curves", "distilled", *VIEWS, *SMALL_TABLES)


class QueryError(ValueError):
    """SQL that cannot be answered, with DuckDB's reason in one line."""


def query(folder: Place, sql: str) -> pa.Table:
    """Return the answer to ``sql`` over `trials`, `evaluations`, `curves` and `distilled` of the run in ``folder``.

    `results` is each evaluation with its trial's status, params and recipe (null for a baseline), `front` has
    the trials of the Pareto front (with one objective: the best), `best` is the row of the most accurate of these,
    `best_set` the ``file`` that its report shows.
    `distilled` has a row for each example of each distilled set, with the set's SHA-256 in the column ``file``; inputs are flat.
    `counted` and `estimates` (see `orchestrator.views`) hold what a report's means are made of, and these means;
    ``student_t(freedom)`` is how many standard errors a 95 % interval reaches. `sweep`, `environment`, `events`, `rates`,
    `sentences` and `importance` are made from the run's other files. A table of which nothing is there yet is empty. Raises
    `QueryError`, for more than one question too.
    """
    with asking(folder) as ask:
        return ask(sql)


@contextmanager
def asking(folder: Place) -> Iterator[Callable[[str], pa.Table]]:
    """Open a run's tables for many questions, and hand out the function that answers as `query` does.

    Files that are committed later are not seen. Raises `QueryError` where there is no run.
    """
    if not folder.is_dir():
        raise QueryError(f"{folder}: no such run")
    with duckdb.connect() as connection:
        with _explained():
            _open(connection, folder)
        made: set[str] = set()

        def ask(sql: str) -> pa.Table:
            with _explained():
                for name in SMALL_TABLES.keys() - made:
                    if name in sql.lower():
                        connection.register(name, SMALL_TABLES[name](folder))
                        made.add(name)
                return _answer(connection, sql)

        yield ask


def _open(connection: duckdb.DuckDBPyConnection, folder: Place) -> None:
    for table in TABLES:
        connection.register(table, _parts(table, part_paths(folder, table)))
    connection.register("distilled", _distilled(folder))
    connection.create_function("student_t", student_t, ["DOUBLE"], "DOUBLE")
    for name, joined in VIEWS.items():
        connection.execute(f"CREATE TEMP VIEW {name} AS {joined}").fetchall()
    # Files, and this program's variables, are now out of reach; DuckDB refuses to switch it on again.
    connection.execute("SET enable_external_access = false")


def _answer(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    _refuse_two_questions(connection, sql)
    answer = connection.sql(sql)
    if answer is None:
        raise QueryError("the SQL asks nothing; try: SELECT * FROM trials")
    return answer.to_arrow_table()


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, pa.ArrowException, RecordsError) as error:
        raise QueryError(_one_line(error)) from error


def _parts(table: str, paths: Sequence[Place]) -> ds.Dataset | pa.Table:
    """Return a table's parts as one data set: of our columns, and those that the oldest or the newest part has besides."""
    if not paths:
        return schema_of(table).empty_table()
    # Columns come and never go, so that no part in between has any other; reading 10,000 schemas would take seconds.
    found = [part_schema(path) for path in (paths[0], paths[-1])]
    schema = pa.unify_schemas([schema_of(table), *found], promote_options="permissive")
    located = [system_of(path) for path in paths]
    return ds.dataset([path for _, path in located], schema=schema, format="parquet", filesystem=located[0][0])


def _distilled(folder: Place) -> ds.Dataset | pa.Table:
    paths = part_paths(folder, "distilled")
    if not paths:
        return _DISTILLED.empty_table()
    kind, (system, _) = ds.ParquetFileFormat(), system_of(folder)
    files = [
        kind.make_fragment(system_of(path)[1], system, partition_expression=ds.field("file") == path.stem)
        for path in paths
    ]
    return ds.FileSystemDataset(files, _DISTILLED, kind, system)


def _refuse_two_questions(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raise `QueryError` for two questions, of which only the last would be answered."""
    kinds = [statement.type for statement in connection.extract_statements(sql)]
    questions = kinds.count(duckdb.StatementType.SELECT)
    if questions > 1:
        raise QueryError(f"the SQL asks {questions} questions; ask one at a time")


def _one_line(error: Exception) -> str:
    """Return DuckDB's reason without its drawing of the place in the SQL, and what helps."""
    reason = " ".join(str(error).partition("\n\nLINE ")[0].split())
    if isinstance(error, duckdb.CatalogException) and reason.startswith("Catalog Error: Table"):
        # DuckDB's guess may be a table of its own.
        return f"{reason.partition(' Did you mean')[0]} There are {', '.join(_NAMES)}"
    return f"{reason}; try: SELECT * FROM trials" if isinstance(error, duckdb.ParserException) else reason

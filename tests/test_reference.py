"""The reference names every key, column and command, with its default, and its queries are answered."""

import dataclasses
import inspect
import json
import re
import typing
from pathlib import Path

import pytest

from distiller.recipe import Decay, Pretrained, Recipe
from distiller.text import Text
from orchestrator.cli import cli
from orchestrator.failures import POLICIES
from orchestrator.query import query
from orchestrator.tables import KEYS, TABLES, schema_of
from sweeps import Sweep, schema
from sweeps import search as search_schema
from sweeps import warm_start as warm_start_schema
from sweeps.part import Part
from sweeps.space import Choice, FloatRange, IntRange

PAGE = (Path(__file__).parents[1] / "docs" / "reference.md").read_text(encoding="utf-8")
DIMENSIONS = (IntRange, FloatRange, Choice)


def section(heading):
    """Return the text under the heading that begins so, down to the next one of its depth or above."""
    depth = heading.index(" ")
    found = re.search(rf"^{re.escape(heading)}(.*?)(?=^#{{1,{depth}}} |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"no section {heading!r}"
    return found.group(1)


def named(text):
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)))


def rows(text):
    """Return the cells after the first of each table row, by the names in its first cell."""
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ]
    return {name: cells for name_cell, *cells in lines for name in named(name_cell)}


def parts_of(hint):
    """Return the parts of a sweep that a field's type holds."""
    if inspect.isclass(hint) and issubclass(hint, Part):
        return [hint]
    return [part for inner in typing.get_args(hint) for part in parts_of(inner)]


def schema_fields(part=Sweep, prefix=""):
    """Yield (part, dotted key, field) of every field of the sweep's schema but the recipe's and the dimensions' own."""
    for name, field in part.model_fields.items():
        yield part, f"{prefix}{name}", field
        for inner in parts_of(field.annotation):
            if inner not in DIMENSIONS:
                yield from schema_fields(inner, f"{prefix}{name}.")


def check_default(cell, default):
    said = cell.strip("`")
    assert said == default or json.loads(said) == default, f"the page says {cell}, the code {default!r}"


@pytest.mark.parametrize("field", dataclasses.fields(Recipe), ids=lambda field: field.name)
def test_every_key_of_a_recipe_is_there_with_its_default(field):
    table = rows(section("### `recipe`"))
    assert field.name in table
    default = "required" if field.default is dataclasses.MISSING else field.default
    check_default(table[field.name][1], dataclasses.asdict(default) if dataclasses.is_dataclass(default) else default)


def test_the_keys_of_a_decay_are_there():
    cell = rows(section("### `recipe`"))["outer_decay"][0]
    assert all(f"{field.name}: " in cell for field in dataclasses.fields(Decay))


def test_the_keys_of_pre_training_are_there_with_their_defaults():
    cell = rows(section("### `recipe`"))["pretrained"][0]
    for field in dataclasses.fields(Pretrained):
        default = {"data": "NAME", "decay": "{every: N, factor: F}"}.get(field.name, field.default)
        assert f"{field.name}: {default}" in cell


def test_the_keys_of_text_are_there_with_their_defaults():
    table = rows(section("### Text"))
    for field in dataclasses.fields(Text):
        assert f"{field.name}: " in rows(section("### `recipe`"))["text"][0]
        check_default(table[field.name][1], field.default)


def test_every_field_of_the_schema_is_there_with_its_default():
    table = rows(section("## A sweep file"))
    for _, key, field in schema_fields():
        assert key in table, key
        if key == "name":  # filled in from the file's name
            continue
        default = field.get_default(call_default_factory=True)
        if not isinstance(default, Part):
            default = list(default) if isinstance(default, tuple) else default
            # The recipe has a seed too; the sweep's own is the same number.
            check_default(table[key][1], "required" if field.is_required() else default)


def test_every_part_of_the_schema_is_walked_through():
    classes = {
        part
        for module in (schema, search_schema, warm_start_schema)
        for part in vars(module).values()
        if inspect.isclass(part)
    }
    parts = {part for part in classes if issubclass(part, Part)} - {Part, *DIMENSIONS}
    assert parts <= {part for part, _, _ in schema_fields()}


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_the_keys_of_a_dimension_are_there(dimension):
    names = named(section("### `search`"))
    assert {field.alias or name for name, field in dimension.model_fields.items()} <= names


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_there_and_no_other(table):
    described = rows(section(f"### `{table}`").partition("| phase |")[0])
    assert set(described) == set(schema_of(table).names)


@pytest.mark.parametrize("table", TABLES)
def test_keys_of_tables_are_there(table):
    heading = re.search(rf"^### `{table}`.*; key (.*)$", PAGE, re.MULTILINE)
    assert heading
    assert tuple(re.findall(r"`(\w+)`", heading.group(1))) == KEYS[table]


def test_every_column_of_distilled_is_there(tmp_path):
    columns = query(tmp_path, "DESCRIBE distilled").column("column_name").to_pylist()
    assert set(rows(section("### `distilled`"))) == set(columns)


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_every_command_is_there(command):
    assert command in {name.split()[1] for name in rows(section("## Commands")) if name.startswith("stillhouse ")}


def test_every_class_of_failures_is_there():
    assert set(POLICIES) <= set(rows(section("## Failures")))


@pytest.mark.parametrize("sql", re.search(r"```sql\n(.*?)```", PAGE, re.DOTALL).group(1).splitlines())
def test_queries_are_answered(tmp_path, sql):
    assert query(tmp_path, sql).num_rows == 0

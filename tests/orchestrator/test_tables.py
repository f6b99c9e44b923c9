import math

import pyarrow as pa
import pytest

from orchestrator.tables import KEYS, SCHEMA_VERSION, TABLES, RowCheck, TableError, schema_of

PARAMS = pa.struct([("steps", pa.int64()), ("outer_lr", pa.float64()), ("labels", pa.string()), ("tie", pa.bool_())])

TRIAL = {
    "trial": 0, "status": "complete", "cause": None, "params": {"steps": 3, "outer_lr": 0.01, "labels": "soft", "tie": True},
    "recipe": "{}", "objectives": [0.5], "inits": 10, "accuracy_mean": 0.5, "accuracy_sd": 0.1, "accuracy_se": 0.03,
    "distilled": "ab" * 32, "outer_steps": 100, "seconds": 2.5, "device_seconds": 2.0, "attempts": 3, "error": None,
}  # fmt: skip
EVALUATION = {
    "trial": 0, "phase": "search", "run": 0, "draw": 0, "split": "validation", "network": "lenet", "init": 0,
    "seed": 2**64 - 1, "accuracy": 0.9, "accuracy_before": None, "loss": None, "chunk": 8, "device": "cpu", "node": "here",
    "rate": None,
    "neighbours": None,
    "norm": None,
    "seconds": 0.1, "distilled": None, "overall_accuracy": 0.8, "class_accuracies": [0.7, 0.9], "attack_share": 0.1,
    "training": None, "init_scheme": None,
}  # fmt: skip
POINT = {
    "trial": 0,
    "run": 0,
    "outer_step": 0,
    "loss": 2.3,
    "accuracy": None,
    "gradient_norm": 1.0,
    "validation": None,
    "seconds": 0.1,
}
ROWS = {"trials": TRIAL, "evaluations": EVALUATION, "curves": POINT}


@pytest.mark.parametrize("table", TABLES)
def test_every_column_says_what_it_is(table):
    schema = schema_of(table, PARAMS)
    assert all(field.metadata[b"description"] for field in schema)
    assert schema.metadata == {b"stillhouse.table": table.encode(), b"stillhouse.schema": str(SCHEMA_VERSION).encode()}
    assert all(not schema.field(name).nullable for name in KEYS[table])


@pytest.mark.parametrize("table", TABLES)
def test_a_row_is_checked_to_what_reading_gives(table):
    row = RowCheck(table, PARAMS)(ROWS[table])
    assert row == ROWS[table]
    assert pa.Table.from_pylist([row], schema_of(table, PARAMS)).to_pylist() == [row]


def test_whole_numbers_become_floats_and_dimensions_that_are_left_out_null():
    row = RowCheck("trials", PARAMS)(TRIAL | {"params": {"outer_lr": 1}, "objectives": (1, 0.5), "seconds": 3})
    assert row["params"] == {"steps": None, "outer_lr": 1.0, "labels": None, "tie": None}
    assert row["objectives"] == [1.0, 0.5]
    assert all(type(number) is float for number in (row["params"]["outer_lr"], row["seconds"], *row["objectives"]))


def test_numbers_need_not_be_finite():
    row = RowCheck("curves")(POINT | {"loss": math.nan, "gradient_norm": math.inf})
    assert math.isnan(row["loss"])
    assert row["gradient_norm"] == math.inf


def test_text_that_is_no_unicode_is_written_nevertheless():
    row = RowCheck("trials", PARAMS)(TRIAL | {"error": "no file 'caf\udce9'", "cause": "zu groß"})
    assert (row["error"], row["cause"]) == (r"no file 'caf\udce9'", "zu groß")


@pytest.mark.parametrize(
    "table, change, message",
    [
        ("trials", {"trial": "0"}, "trials: trial: expected a whole number of -2147483648 .. 2147483647, got '0'"),
        ("trials", {"trial": True}, "trial: expected a whole number"),
        ("trials", {"trial": 0.0}, "trial: expected a whole number"),
        ("trials", {"trial": 2**31}, "trial: expected a whole number"),
        ("trials", {"trial": None}, "trial: expected a whole number"),
        (
            "trials",
            {"status": "done"},
            "status: expected one of complete, raced_out, pruned, diverged, failed, got 'done'",
        ),
        ("trials", {"recipe": {}}, "recipe: expected text, got {}"),
        ("trials", {"objectives": 0.5}, "objectives: expected a list, got 0.5"),
        ("trials", {"objectives": ["high"]}, "objectives: expected a number"),
        ("trials", {"accuracy_mean": 10**400}, "accuracy_mean: expected a number that a double holds"),
        ("trials", {"seconds": False}, "seconds: expected a number, got False"),
        (
            "trials",
            {"params": {"lag": 1}},
            "params: expected a mapping of steps, outer_lr, labels, tie, got {'lag': 1}",
        ),
        ("trials", {"params": {"steps": 1.5}}, "params.steps: expected a whole number"),
        ("trials", {"params": {"tie": 1}}, "params.tie: expected true or false"),
        ("evaluations", {"seed": -1}, "seed: expected a whole number of 0 .. 18446744073709551615, got -1"),
        ("evaluations", {"split": "all"}, "split: expected one of train, validation, test, got 'all'"),
        ("evaluations", {"accuracy": None}, "accuracy: expected a number, got None"),
        ("curves", {"epoch": 1}, "curves: unknown column 'epoch'; known: accuracy, gradient_norm, loss"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_by_column(table, change, message):
    with pytest.raises(TableError) as refusal:
        RowCheck(table, PARAMS)(ROWS[table] | change)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_missing_column_is_named():
    row = dict(EVALUATION)
    del row["accuracy_before"]
    with pytest.raises(TableError, match="evaluations: column 'accuracy_before' is missing"):
        RowCheck("evaluations")(row)


def test_with_no_search_params_are_null():
    assert RowCheck("trials")(TRIAL | {"params": None})["params"] is None
    with pytest.raises(TableError, match="params: expected nothing"):
        RowCheck("trials")(TRIAL)


def test_an_unknown_table_is_named():
    with pytest.raises(TableError, match="no table 'trial'; there are curves, evaluations, trials"):
        schema_of("trial")

import pytest
from refused import refusal

SEARCH = "search:\n  trials: 3\n  space:\n    "


@pytest.mark.parametrize(
    "dimension, message",
    [
        (
            "stepz: {int: [1, 3]}",
            "f.yaml:11: search.space.stepz: unknown key; did you mean steps? known here: data, network",
        ),
        (
            "seed: {int: [1, 3]}",
            "f.yaml:11: search.space.seed: has another place; set seed: at the top of the sweep",
        ),
        ("run: {int: [1, 3]}", "f.yaml:11: search.space.run: has another place; evaluate.final.runs"),
        (
            "steps: {int: [5, 1]}",
            "f.yaml:11: search.space.steps.int: is upside down; expected [1, 5], got [5, 1]",
        ),
        (
            "steps:\n      int:\n      - 0\n      - 5",
            "f.yaml:13: search.space.steps.int: expected a whole number of at",
        ),
        (
            "steps: {int: [1, 5.5]}",
            "f.yaml:11: search.space.steps.int: expected [LOW, HIGH], two whole numbers, got",
        ),
        (
            "steps: {int: [true, 5]}",
            "f.yaml:11: search.space.steps.int: expected [LOW, HIGH], two whole numbers, got",
        ),
        (
            "steps: {int: [1]}",
            "f.yaml:11: search.space.steps.int: expected [LOW, HIGH], two whole numbers, got [1]",
        ),
        (
            "steps: {int: [1, 2, 3]}",
            "f.yaml:11: search.space.steps.int: expected [LOW, HIGH], two whole numbers, got",
        ),
        (
            "steps: {float: [1, 2]}",
            "f.yaml:11: search.space.steps.float: expected a whole number of at least 1, got 1.0",
        ),
        (
            "steps: [1, 3]",
            "f.yaml:11: search.space.steps: expected {int: [LOW, HIGH]}, {float: [LOW, HIGH]} or {choice:",
        ),
        (
            "steps: {}",
            "f.yaml:11: search.space.steps: expected {int: [LOW, HIGH]}, {float: [LOW, HIGH]} or {choice:",
        ),
        (
            "steps: {int: [1, 3], float: [1, 2]}",
            "f.yaml:11: search.space.steps: expected {int: [LOW, HIGH]}, {float:",
        ),
        (
            "steps: {int: [1, 3], stepp: 1}",
            "f.yaml:11: search.space.steps.stepp: unknown key; did you mean step? kno",
        ),
        (
            "steps: {int: [1, 3], log: yes}",
            "f.yaml:11: search.space.steps.log: expected true or false, got 'yes'",
        ),
        (
            "steps: {int: [1, 9], log: true, step: 2}",
            "f.yaml:11: search.space.steps.step: cannot go with log: true",
        ),
        (
            "steps: {int: [1, 9], step: 0}",
            "f.yaml:11: search.space.steps.step: expected a whole number of at least 1",
        ),
        (
            "steps: {int: [1, 9], step: 9}",
            "f.yaml:11: search.space.steps.step: expected a step within the range [1, 9]",
        ),
        (
            "steps: {int: [0, 9], log: true}",
            "f.yaml:11: search.space.steps.int: expected a range above 0 beside log: t",
        ),
        (
            "distill_lr: {float: [0, 1], log: true}",
            "f.yaml:11: search.space.distill_lr.float: expected a range above 0 beside log: true, got [0.0, 1.0]",
        ),
        (
            "distill_lr: {float: [-1, 1]}",
            "f.yaml:11: search.space.distill_lr.float: expected a number above 0, got -1",
        ),
        (
            "distill_lr: {float: [1, .inf]}",
            "f.yaml:11: search.space.distill_lr.float: expected [LOW, HIGH], two numb",
        ),
        (
            "distill_lr: {float: [1, 2], step: 0}",
            "f.yaml:11: search.space.distill_lr.step: expected a number above 0",
        ),
        (
            "labels:\n      choice:\n      - soft\n      - fuzzy",
            "f.yaml:14: search.space.labels.choice: expected hard, so",
        ),
        (
            "labels: {choice: []}",
            "f.yaml:11: search.space.labels.choice: expected a list of at least one value, got []",
        ),
        (
            "labels: {choice: soft}",
            "f.yaml:11: search.space.labels.choice: expected a list of at least one value, got",
        ),
        (
            "labels: {choice: [soft, soft]}",
            "f.yaml:11: search.space.labels.choice: is given twice: 'soft'; expected d",
        ),
        ("distill_lr: {choice: [1, 1.0]}", "f.yaml:11: search.space.distill_lr.choice: is given twice: 1.0"),
        (
            "labels: {choice: [soft], log: true}",
            "f.yaml:11: search.space.labels.log: unknown key; known here: choice",
        ),
        (
            "outer_decay: {choice: [cosine, {every: 0, factor: 1}]}",
            "f.yaml:11: search.space.outer_decay.choice: every: expected a whole number of at least 1, got 0",
        ),
    ],
)
def test_a_dimension_that_cannot_be_is_refused_at_its_place(sweep_file, least, dimension, message):
    assert refusal(sweep_file(least + SEARCH + dimension)).startswith(message)

import pytest

from distiller.training import Training, TrainingError


@pytest.mark.parametrize(
    "training",
    [
        Training(),
        Training(steps=7, order="shuffled"),
        Training(optimiser="adam", lr=1e-3, batch=50, steps=300),
        Training(optimiser="momentum", lr=0.1),
        Training(optimiser="sgd"),
    ],
)
def test_plain_values_are_read_back_and_name_only_what_is_not_the_default(training):
    plain = training.plain()
    assert Training.parse(plain) == training
    assert all(value != getattr(Training(), name) for name, value in plain.items())


def test_the_default_says_nothing():
    assert Training().plain() == {}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"optimiser": "adamw"}, "optimiser: expected one of learned, sgd"),
        ({"order": "random"}, "order: expected one of given, shuffled"),
        ({"optimiser": "sgd", "lr": 0.0}, "lr: expected a number above 0"),
        ({"optimiser": "sgd", "lr": float("nan")}, "lr: expected a number above 0"),
        ({"steps": 0}, "steps: expected a whole number of at least 1"),
        ({"optimiser": "sgd", "batch": 2.5}, "batch: expected a whole number"),
        ({"lr": 0.1}, "lr: the learned rates belong"),
        ({"batch": 3}, "batch: the learned rates belong"),
        ({"optimiser": "adam", "batch": 3, "order": "shuffled"}, "order: is that of the set's own batches"),
        ({"epochs": 3}, "epochs: unknown key"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(values, says):
    with pytest.raises(TrainingError, match=says) as caught:
        Training.parse(values)
    assert "\n" not in str(caught.value)

import math

import pytest

from sweeps.scalars import scalar


@pytest.mark.parametrize(
    "word, value",
    [
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("+1", 1),
        ("-2", -2),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("-.inf", -math.inf),
        (".INF", math.inf),
        # Numbers, truths and dates of YAML 1.1, and of Python, are text in YAML 1.2.
        *(
            (word, word)
            for word in ["no", "yes", "on", "off", "1_000", "12:30", "2020-01-01", "0b1", "inf", "nan", "1e", "٣"]
        ),
    ],
)
def test_words_are_read_by_the_core_schema_of_yaml_1_2(word, value):
    read = scalar(word)
    assert read == value
    assert type(read) is type(value)


def test_not_a_number_and_numbers_too_long_to_be_meant():
    assert math.isnan(scalar(".nan"))
    assert scalar("1e400") == math.inf
    assert scalar("9" * 5000) == "9" * 5000
    assert math.isfinite(float(scalar("0x" + "f" * 198)))

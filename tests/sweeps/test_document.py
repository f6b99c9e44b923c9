import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.document import parse
from sweeps.error import Place, SweepError


def at(line):
    return Place("f", line)


def read(text):
    return parse(text, at)


def attempt(text):
    """Return what is read from ``text``, and the message where it is refused."""
    try:
        node = read(text)
        return None if node is None else node.plain(), None
    except SweepError as error:
        return None, str(error)


def test_plain_values_and_the_line_of_every_key():
    node = read("# first\na: {b: [1, two]}\nc:\n  d: 'no'\n  e:\n    - x\n    - y\n")
    assert node.plain() == {"a": {"b": [1, "two"]}, "c": {"d": "no", "e": ["x", "y"]}}
    lines = {("a", "b"): 2, ("a", "b", 1): 2, ("c",): 3, ("c", "d"): 4, ("c", "e"): 5, ("c", "e", 1): 7}
    assert {path: node.find(path).line for path in lines} == lines


def test_what_is_absent_is_found_at_the_nearest_thing_around_it():
    node = read("a: 1\nb:\n  c: text\n")
    assert node.find(("b", "x", "y")).line == 2
    assert node.find(("b", "c", 0)).line == 3
    assert node.find(("z",)).line == 1


def test_an_alias_is_found_where_it_stands_and_its_content_where_it_was_written():
    node = read("a: &x {b: 1}\nc: *x\n")
    assert node.plain() == {"a": {"b": 1}, "c": {"b": 1}}
    assert (node.find(("c",)).line, node.find(("c", "b")).line) == (2, 1)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "\n\n"])
def test_no_document(text):
    assert read(text) is None


@pytest.mark.parametrize(
    "text, message",
    [
        ("a: 1\na: 2", "f:2: a: is given twice, first at f:1; expected once"),
        ("x:\n  a: 1\n  a: 2", "f:3: x.a: is given twice, first at f:2; expected once"),
        ("a: 1\n2: 3", "f:2: expected a name as the key, got 2"),
        ("? [1]\n: 3", "f:1: expected a name as the key, got a list"),
        ("{a: 1}: 3", "f:1: expected a name as the key, got keys"),
        ("~: 3", "f:1: expected a name as the key, got nothing"),
        ("a: *x", "f:1: a: alias *x stands for nothing; expected an anchor above it"),
        ("a: &x [*x]", "f:1: a: alias *x stands for nothing; expected an anchor above it"),
        ("a: !mine 3", "f:1: a: tag !mine is not accepted; expected a plain value"),
        (
            "a:\n- !!python/object/apply:os.system [x]",
            "f:2: a: tag tag:yaml.org,2002:python/object/apply:os.system is not",
        ),
        ("a: !!binary aGk=", "f:1: a: tag tag:yaml.org,2002:binary is not accepted"),
        ("a: 1\n---\nb: 2", "f:2: begins a second document (---); expected one"),
        ("%YAML 1.1\n---\na: no", "f:2: is marked as another version of YAML; expected YAML 1.2"),
        ("a: [1", "f:1: is not YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: 1\n\tb: 2", "f:2: is not YAML: found character '\\t' that cannot start any token"),
        ("a: 1\nb\x01: 2", "f:2: is not YAML text: character 0x1 is not allowed"),
        ('a: "\\ud800"', "f:1: a: expected text of whole characters, got '\\ud800'"),
    ],
)
def test_what_is_no_plain_yaml_is_one_line_with_its_place(text, message):
    with pytest.raises(SweepError) as caught:
        read(text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("opening", ["[", "[a,", "{a: ", "- "])
def test_deep_nesting_is_refused_before_it_costs_anything(opening):
    with pytest.raises(SweepError, match="nested too deeply; expected at most 32 levels"):
        read(opening * 60_000)


def test_aliases_that_would_grow_beyond_bounds_are_refused():
    laughs = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9) if i else 1}]" for i in range(12)]
    node = read("\n".join(laughs))  # shared, so that reading costs nothing
    with pytest.raises(SweepError, match="too large once its aliases are read"):
        node.plain()
    chained = ["a0: &a0 1", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 50))]
    with pytest.raises(SweepError, match="too deep"):
        read("\n".join(chained)).plain()


@given(st.text(alphabet=st.sampled_from(list("ab:-[]{}&*!|>'\"%#?,~1.\n\t \\")) | st.characters(), max_size=60))
def test_any_text_is_read_or_refused_in_one_line(text):
    values, message = attempt(text)
    json.dumps(values)  # whatever is read, JSON keeps
    assert message is None or (message.startswith("f:") and message.isprintable())

import pytest

from orchestrator.executor import Needs, Site
from orchestrator.failures import POLICIES, Failure
from orchestrator.tries import Tries


def tries():
    return Tries("trial 3", Needs())


def fail(made, kind, node="a"):
    return made.take(Failure(kind, "as told"), Site(node, node, 1))


@pytest.mark.parametrize("kind", POLICIES)
def test_a_call_is_tried_again_as_often_as_its_class_says(kind):
    made = tries()
    for _ in range(POLICIES[kind].retries):
        assert fail(made, kind) is None
    assert fail(made, kind) == Failure(kind, "as told")


def test_each_class_has_a_budget_of_its_own():
    made = tries()
    for kind in ("crash", "memory", "node", "timeout", "device_memory", "crash", "memory"):
        assert fail(made, kind) is None
    assert fail(made, "memory").kind == "memory"


def test_what_crashes_on_two_nodes_is_not_tried_on_a_third():
    made = tries()
    assert fail(made, "crash", "a") is None
    assert "second node" in fail(made, "crash", "b").message


def test_nodes_that_are_not_known_are_not_told_apart():
    made = tries()
    assert made.take(Failure("crash", "as told"), None) is None
    assert made.take(Failure("crash", "as told"), None) is None
    assert made.needs == Needs()


@pytest.mark.parametrize(
    "kind, needs",
    [
        ("memory", Needs(shares=2)),
        ("device_memory", Needs(gpu_shares=2, avoid=frozenset("a"))),
        ("crash", Needs(avoid=frozenset("a"))),
        ("timeout", Needs(time_outs=1, avoid=frozenset("a"))),
        ("node", Needs()),
        ("lost", Needs()),
    ],
)
def test_the_next_attempt_is_given_what_the_last_one_lacked(kind, needs):
    made = tries()
    fail(made, kind)
    assert made.needs == needs


def test_waits_double_up_to_half_a_minute_and_are_the_key_s_own():
    made, other = tries(), Tries("trial 4", Needs())
    fail(made, "node")
    assert made.wait == 0, "the first node that is lost is made up for at once"
    waits = []
    for _ in range(10):
        fail(made, "node")
        fail(other, "node")
        waits.append(made.wait)
    for number, wait in enumerate(waits):
        longest = min(30.0, 2.0**number)
        assert longest / 2 <= wait <= longest
    assert other.wait != waits[-2]
    again = tries()
    for _ in range(11):
        fail(again, "node")
    assert again.wait == waits[-1]

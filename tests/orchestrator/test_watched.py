from collections import deque

import pytest

from orchestrator.clock import Clock
from orchestrator.executor import Call, Completion, InlineExecutor, Needs, Site
from orchestrator.time_limit import TimeLimit
from orchestrator.watched import Watched

SITE = Site("a", "a", 1)


class Hands(InlineExecutor, Clock):
    """An executor whose completions and whose time are moved by hand."""

    def __init__(self):
        super().__init__()
        self.seconds, self.ended, self.begun, self.abandoned = 0.0, deque(), {}, []

    def now(self):
        return self.seconds

    def wait(self, timeout):
        ended, self.ended = list(self.ended), deque()
        return ended

    def running(self, tickets):
        return {ticket: (SITE, self.seconds - since) for ticket, since in self.begun.items() if ticket in tickets}

    def abandon(self, ticket):
        self.abandoned.append(ticket)


def watched(limit):
    hands = Hands()
    return Watched(hands, TimeLimit(limit), hands), hands


def call(needs=None, function="called:add"):
    return Call(function, {}, needs=needs or Needs())


def test_a_call_that_runs_for_too_long_is_ended_once_and_its_late_result_dropped():
    made, hands = watched(50)
    ticket = made.submit(call())
    hands.begun[ticket] = 10.0
    hands.seconds = 59.0
    assert made.wait(0) == []
    hands.seconds = 61.0
    (ended,) = made.wait(0)
    assert (ended.ticket, ended.failure.kind, ended.site) == (ticket, "timeout", SITE)
    assert "ran for 51 s, longer than the 50 s" in ended.failure.message
    assert (hands.abandoned, made.in_flight) == ([ticket], 0)
    hands.ended.append(Completion(ticket, call(), "late"))
    assert made.wait(0) == []
    assert made.dropped == 1


def test_time_in_the_queue_does_not_count():
    made, hands = watched(50)
    made.submit(call())
    hands.seconds = 1e6
    assert made.wait(0) == []
    assert made.in_flight == 1


def test_a_completion_that_comes_twice_is_taken_once():
    made, hands = watched(None)
    ticket = made.submit(call())
    hands.ended += [Completion(ticket, call(), "once")] * 2
    assert [each.value for each in made.wait(0)] == ["once"]
    assert made.dropped == 1


def test_without_a_limit_of_the_sweep_it_is_far_above_what_others_took():
    limit = TimeLimit()
    assert limit.of(call()) is None
    for seconds in (1.0, 300.0, 2.0):
        limit.learn(call(), seconds)
    assert limit.of(call()) == 6000
    assert limit.of(call(Needs(time_outs=1))) == 60_000, "a slow task is not a stuck one"
    assert limit.of(call(function="called:other")) is None
    limit = TimeLimit()
    for _ in range(3):
        limit.learn(call(), 0.1)
    assert limit.of(call()) == 3600


@pytest.mark.parametrize("time_outs", [0, 1])
def test_the_sweep_s_own_limit_is_what_it_is(time_outs):
    assert TimeLimit(7.0).of(call(Needs(time_outs=time_outs))) == 7.0

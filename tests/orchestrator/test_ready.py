from dataclasses import dataclass, field

from orchestrator.clock import Clock
from orchestrator.ready import Ready


@dataclass
class Time(Clock):
    """A clock that stands still until it is told."""

    seconds: float = 0.0

    def now(self):
        return self.seconds


@dataclass(eq=False)
class Some:
    """A work with so many calls to hand out."""

    number: int
    is_measuring: bool
    calls: int
    is_over: bool = False
    asked: int = field(default=0)

    def next_call(self, segment):
        self.asked += 1
        self.calls -= 1
        return f"{self.number}, {segment}" if self.calls >= 0 else None


def handed_out(ready):
    calls = []
    while (call := ready.next_call(7)) is not None:
        calls.append(call)
    return calls


def ready_with(*works):
    ready = Ready(Time())
    for work in works:
        ready.wake(work)
    return ready


def test_distilled_sets_first_then_the_oldest():
    works = [Some(3, True, 1), Some(0, False, 1), Some(1, True, 2), Some(2, False, 1)]
    assert handed_out(ready_with(*works)) == ["1, 7", "1, 7", "3, 7", "0, 7", "2, 7"]


def test_one_without_a_call_is_not_asked_again_until_something_happens_to_it():
    many = [Some(number, True, 0) for number in range(5)]
    ready = ready_with(*many)
    for _ in range(10):
        assert handed_out(ready) == []
    assert [work.asked for work in many] == [1] * 5
    many[3].calls = 1
    ready.wake(many[3])
    assert handed_out(ready) == ["3, 7"]


def test_what_time_or_another_work_brings_is_found_when_all_are_asked_again():
    work = Some(0, False, 0)
    ready = ready_with(work)
    assert handed_out(ready) == []
    work.calls = 1
    assert handed_out(ready) == []
    ready.wake_all()
    assert handed_out(ready) == ["0, 7"]
    work.calls = 1
    ready._clock.seconds += 0.3
    assert handed_out(ready) == ["0, 7"]


def test_a_set_that_is_distilled_goes_before_what_is_being_distilled():
    old, new = Some(0, False, 2), Some(1, False, 2)
    ready = ready_with(old, new)
    assert ready.next_call(7) == "0, 7"
    new.is_measuring = True
    ready.wake(new)
    assert handed_out(ready) == ["1, 7", "1, 7", "0, 7"]


def test_one_that_is_over_has_no_turn():
    work = Some(0, True, 3)
    ready = ready_with(work)
    work.is_over, work.calls = True, 0
    assert handed_out(ready) == []
    ready.wake(work)
    ready.wake_all()
    assert work.asked == 1

import pytest

from orchestrator.clock import Clock
from orchestrator.events import Events
from orchestrator.executor import InlineExecutor
from orchestrator.room import NoRoom, Room
from orchestrator.run_files import read_events


class Set(Clock):
    seconds = 0.0

    def now(self):
        return self.seconds


def room(tmp_path, **options):
    clock, executor, said = Set(), InlineExecutor(slots=0), []
    return Room(tmp_path, executor, clock, Events(tmp_path), said.append, **options), clock, executor, said


def test_without_any_room_there_is_a_word_after_a_minute_and_an_end_after_ten(tmp_path):
    made, clock, _, said = room(tmp_path)
    for seconds in (0, 59, 60, 61, 599):
        clock.seconds = seconds
        made.check()
        assert len(said) == (seconds >= 60), "said once"
    assert [event.name for event in read_events(tmp_path)] == ["no_room"]
    clock.seconds = 600
    with pytest.raises(NoRoom, match=r"for 10 minutes; add nodes, or lower resources\.cpus"):
        made.check()


def test_a_node_that_comes_back_begins_it_all_anew(tmp_path):
    made, clock, executor, said = room(tmp_path)
    made.check()
    clock.seconds, executor.slots = 599, 2
    made.check()
    clock.seconds, executor.slots = 700, 0
    made.check()
    clock.seconds = 1200
    made.check()
    assert len(said) == 1


def test_an_autoscaler_is_waited_for(tmp_path):
    made, clock, _, said = room(tmp_path, waits=True)
    made.check()
    clock.seconds = 1e6
    made.check()
    assert len(said) == 1

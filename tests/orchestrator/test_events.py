import json

import pytest
from remotes import below

from orchestrator.events import Events, any_events, event_lines
from orchestrator.publish import make_folder


@pytest.fixture(params=["here", "in a store"])
def folder(request, tmp_path):
    place = tmp_path / "run" if request.param == "here" else below(tmp_path)
    make_folder(place)
    return place


def names(folder):
    return [json.loads(line)["event"] for line in event_lines(folder)]


def test_what_was_said_is_read_in_order(folder):
    assert not any_events(folder)
    assert event_lines(folder) == []
    said = []
    for driver in range(3):
        events = Events(folder)
        for number in range(4):
            said.append(f"{driver}-{number}")
            events.say(said[-1], trial=number)
            assert any_events(folder)  # the first one is there at once
        events.flush()
    assert names(folder) == said


def test_a_log_that_cannot_be_written_stops_no_work(tmp_path):
    Events(tmp_path / "absent").say("stage", stage="search")
    assert event_lines(tmp_path / "absent") == []


def test_events_that_a_store_refused_are_written_later(tmp_path, monkeypatch):
    folder = below(tmp_path)
    make_folder(folder)
    events = Events(folder)
    (tmp_path / "bucket" / "run" / "events").write_bytes(b"in the way")
    events.say("one")
    (tmp_path / "bucket" / "run" / "events").unlink()
    events.say("two")
    assert names(folder) == ["one", "two"]

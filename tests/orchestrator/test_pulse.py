import re
import threading

import pytest

from orchestrator.pulse import pulse


def test_work_is_said_at_once_and_now_and_then():
    said, third = [], threading.Event()

    def say(line):
        said.append(line)
        if len(said) == 3:
            third.set()

    with pulse(say, "training 3 networks", 0.01):
        assert said[0] == "training 3 networks"
        assert third.wait(240)
    assert re.fullmatch(r"\[0:0\d:\d\d\] still training 3 networks", said[1])


def test_nothing_is_said_after_the_end():
    said = []
    with pytest.raises(ValueError, match="stopped"), pulse(said.append, "training", 1000.0):
        raise ValueError("stopped")
    assert said == ["training"]
    assert not [thread for thread in threading.enumerate() if thread.name.endswith("(speak)")]

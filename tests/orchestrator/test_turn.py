import threading

import pytest
from remotes import below

from orchestrator.publish import make_folder
from orchestrator.turn import one_at_a_time


@pytest.fixture(params=["here", "in a store"])
def folder(request, tmp_path):
    place = tmp_path if request.param == "here" else below(tmp_path)
    make_folder(place)
    return place


def test_of_many_one_is_inside_at_a_time(folder):
    inside, most, turns = [], [], []

    def take_a_turn():
        with one_at_a_time(folder) as now:
            inside.append(1)
            most.append(len(inside))
            turns.append(now)
            inside.pop()

    threads = [threading.Thread(target=take_a_turn) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 5
    assert min(turns) > 1.7e9


def test_an_error_inside_frees_it(folder):
    with pytest.raises(KeyError), one_at_a_time(folder):
        raise KeyError("a decision that failed")
    with one_at_a_time(folder):
        pass


def test_a_claim_that_a_killed_process_left_is_forgotten_after_a_minute(tmp_path):
    import os
    import time

    folder = below(tmp_path)
    make_folder(folder)
    left = tmp_path / "bucket" / "run" / ".claim-0123"
    left.write_bytes(b"")
    os.utime(left, (time.time() - 61, time.time() - 61))
    with one_at_a_time(folder):
        assert not left.exists()

import pytest
from remotes import in_memory

from orchestrator.lease import Lease
from orchestrator.opening import RunError
from orchestrator.status import status_of
from orchestrator.stopping import ask_to_stop, is_asked_to_stop
from tests.orchestrator.test_kills import wait_until
from tests.orchestrator.tiny_sweep import SWEEP, stillhouse, write_sweep
from tests.orchestrator.written_runs import write_run


@pytest.fixture(params=["here", "in a store"])
def folder(request, tmp_path):
    made = write_run(tmp_path / "run")
    if request.param == "here":
        return made
    place = in_memory()
    place.make_folder()
    (place / "sweep.json").write_bytes((made / "sweep.json").read_bytes())
    return place


def test_a_driver_is_asked_and_waited_for(folder):
    lease, looks = Lease.take(folder), []

    def look(_):
        assert is_asked_to_stop(folder, lease.holder)
        looks.append(1)
        if len(looks) == 3:
            lease.release()

    driver = ask_to_stop(folder, sleep=look)
    assert driver.pid == lease.holder.pid
    assert len(looks) == 3
    assert not (folder / "stop.json").exists()


def test_a_wish_for_one_driver_stops_no_other(folder):
    with Lease.take(folder) as first:
        asked = [ask_to_stop(folder, sleep=lambda _: first.release())]
    with Lease.take(folder) as second:
        assert not is_asked_to_stop(folder, second.holder)
    assert asked[0].pid == first.holder.pid


def test_where_no_driver_works_nothing_is_asked(folder, tmp_path):
    assert ask_to_stop(folder) is None
    assert not (folder / "stop.json").exists()
    with pytest.raises(RunError, match="holds no run"):
        ask_to_stop(tmp_path / "absent")


def test_a_driver_that_is_asked_stops_and_can_be_resumed(tmp_path):
    changes = {"recipe": SWEEP["recipe"] | {"outer_steps": 20_000}, "resources": {"segment": 1}, "baselines": []}
    process = stillhouse("run", write_sweep(tmp_path, **changes), "--out", tmp_path / "run", "--inline", wait=False)
    wait_until((tmp_path / "run" / "events.jsonl").exists, process)
    asked = stillhouse("stop", tmp_path / "run")
    assert asked.returncode == 0, asked.stderr_text
    assert f"process {process.pid} on" in asked.stdout_text
    assert "has stopped; go on with: stillhouse resume" in asked.stdout_text
    assert process.wait(timeout=280) == 75
    assert status_of(tmp_path / "run").standing == "stopped"

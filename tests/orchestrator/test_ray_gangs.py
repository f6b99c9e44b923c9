"""Gangs on a real Ray of two slots; what they leave behind is looked for each time."""

import dataclasses
import json
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from cluster.nodes import Node, Shape
from orchestrator.executor import Call, InfeasibleError, InlineExecutor
from orchestrator.process_start import process_start
from tests.orchestrator.test_schedule import drive
from tests.orchestrator.tiny_sweep import rows

GANG_SWEEP = {
    "recipe": {
        "data": "digits", "network": "lenet", "outer_steps": 4, "batch": 32, "inits_per_step": 4, "chunk": 2, "memory": "saved",
    },
    "search": None,
    "evaluate": {"validation": 1200, "inits": 2, "final": {"inits": 2, "runs": 1}},
    "baselines": [],
    "resources": {"workers": 2, "segment": 3},
}  # fmt: skip


def until(condition, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.05)


def finish(executor, count):
    done = {}

    def all_done():
        done.update({completion.ticket: completion for completion in executor.wait(0.5)})
        return len(done) == count

    until(all_done)
    return done


def gang(function, workers=2, shares=None, **arguments):
    return Call(f"gang_calls:{function}", arguments, shares=tuple(shares or ({},) * workers))


def run(executor, call):
    ticket = executor.submit(call)
    return finish(executor, 1)[ticket]


@pytest.fixture(scope="module")
def executor(local_ray):
    from orchestrator.ray_executor import RayExecutor
    from orchestrator.ray_gangs import RayGangs

    made = RayGangs(RayExecutor(), workers=2)
    yield made
    made.close()


@pytest.fixture
def gangs(executor):
    import ray
    from ray.util.placement_group import placement_group_table

    yield executor
    assert not executor._executor.payloads
    executor.cancel()
    until(lambda: {each["state"] for each in placement_group_table().values()} <= {"REMOVED"})
    until(lambda: ray.available_resources().get("CPU") == 2)


def test_workers_meet_each_with_its_own_share(gangs):
    common = b"c" * 200_000
    call = gang("together", shares=({"own": 5}, {"own": 7}), own=1, common=common)
    assert run(gangs, call).value == (0, [5, 200_000, 7, 200_000])
    # Without gangs, the same call is one of a single worker, with the arguments of its own.
    assert run(InlineExecutor(), call).value == (0, [1, 200_000])


def test_gangs_that_compete_with_each_other_and_with_single_calls_all_end(gangs):
    tickets = [gangs.submit(gang("together")) for _ in range(3)]
    tickets += [gangs.submit(Call("called:add", {"a": 1, "b": 2})) for _ in range(4)]
    tickets += [gangs.submit(gang("together"))]
    done = finish(gangs, len(tickets))
    assert [done[ticket].failure for ticket in tickets] == [None] * len(tickets)
    assert gangs.wait(0.0) == []


@pytest.mark.parametrize("rank", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_the_failure_is_that_of_the_worker_that_failed(gangs, rank):
    failure = run(gangs, gang("fail_in", rank=rank)).failure
    assert (failure.kind, failure.message) == ("user", f"ValueError: no such thing in worker {rank}")
    assert run(gangs, gang("together")).failure is None


@pytest.mark.parametrize("rank", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_a_worker_that_dies_is_one_crash_of_all_and_none_is_left(gangs, tmp_path, rank):
    completion = run(gangs, gang("lose", rank=rank, folder=str(tmp_path)))
    assert completion.failure.kind == "crash"
    # Where it was, where that is known: the first worker's site.
    assert (completion.site is not None) == (rank == 0)
    assert gangs.wait(0.0) == []
    assert run(gangs, gang("together")).failure is None


@pytest.mark.parametrize("how", [pytest.param("abandon", marks=pytest.mark.slow), "cancel"])
def test_a_gang_that_is_stopped_leaves_no_process(gangs, tmp_path, how):
    running, queued = gangs.submit(gang("wait", folder=str(tmp_path))), gangs.submit(gang("together"))

    def met():
        assert gangs.wait(0.1) == []
        return len(list(tmp_path.iterdir())) == 2

    until(met)
    assert gangs.running([running, queued]).keys() == {running}
    assert gangs.running([running])[running][0].pid in {int(path.name) for path in tmp_path.iterdir()}
    if how == "cancel":
        gangs.cancel()
    else:
        gangs.abandon(running)
        assert finish(gangs, 1)[queued].failure is None
    until(lambda: not any(process_start(int(path.name)) for path in tmp_path.iterdir()))
    assert gangs.wait(0.0) == []


def test_a_gang_that_the_cluster_cannot_hold_is_refused_before_anything_starts(local_ray):
    from orchestrator.ray_executor import RayExecutor
    from orchestrator.ray_gangs import RayGangs

    with pytest.raises(
        InfeasibleError, match=r"gang of 3 tasks of 1 CPUs .*: 1 live node can hold 2 .* resources\.workers"
    ):
        RayGangs(RayExecutor(), workers=3)


def test_there_are_no_slots_where_the_live_nodes_do_not_hold_a_gang_that_waits():
    from orchestrator.ray_gangs import RayGangs

    alive = [Node(2, 0, is_ours=True), Node(2, 0, is_ours=False)]
    gangs = RayGangs(
        SimpleNamespace(slots=len(alive), waits_for_nodes=True, nodes=SimpleNamespace(alive=lambda: alive)), 4
    )
    gangs._gangs[-1] = SimpleNamespace(call=gang("together", workers=4), shape=Shape(1))
    assert gangs.slots == 2
    alive.pop()
    assert gangs.slots == 0, "so that the driver says that there is no room, and does not wait without a word"
    del gangs._gangs[-1]
    assert gangs.slots == 2


def test_while_a_gang_waits_no_call_is_wanted_that_would_take_its_room():
    from orchestrator.ray_gangs import RayGangs

    nodes = SimpleNamespace(alive=lambda: [Node(4, 0, is_ours=True)])
    executor = SimpleNamespace(slots=4, wanted=6, shape=Shape(1), waits_for_nodes=False, nodes=nodes)
    gangs, call = RayGangs(executor, 4), gang("together", workers=4)
    assert gangs.wanted == 6
    gangs._gangs[-1] = SimpleNamespace(call=call, shape=Shape(1), running=None)
    assert gangs.wanted == 4
    gangs._gangs[-1].running = ("here", 0.1)
    assert gangs.wanted == 6


def test_a_run_whose_gang_loses_a_worker_has_the_rows_of_one_worker(gangs, tmp_path):
    class Losing:
        """Runs segments by the stand-in that loses a worker, once."""

        def __getattr__(self, name):
            return getattr(gangs, name)

        def submit(self, call):
            if call.function.endswith(":segment"):
                arguments = {**call.arguments, "marker": str(tmp_path / "lost")}
                call = dataclasses.replace(call, function="gang_calls:segment", arguments=arguments)
            assert call.workers == (2 if call.function == "gang_calls:segment" else 1)
            return gangs.submit(call)

    drive(tmp_path / "gang", Losing(), GANG_SWEEP)
    drive(tmp_path / "alone", InlineExecutor(), GANG_SWEEP | {"resources": {"segment": 2}})
    (trial,) = (json.loads(row) for row in rows(tmp_path / "gang")["trials"])
    assert trial["attempts"] == 2
    expected, found = rows(tmp_path / "alone"), rows(tmp_path / "gang")
    assert {name: found[name] for name in found if name != "trials"} == {
        name: expected[name] for name in expected if name != "trials"
    }
    assert json.loads(expected["trials"][0]) | {"attempts": 2} == trial
    assert os.listdir(tmp_path / "gang" / "states") == []


NODE_DIES = """
import sys, time
from pathlib import Path
from ray.cluster_utils import Cluster
from ray.util.placement_group import placement_group_table
from chaotic import start_patiently
from cluster.attach import attach
from orchestrator.executor import Call
from orchestrator.ray_executor import RayExecutor
from orchestrator.ray_gangs import RayGangs

def ended(count=1, seconds=240):
    done, deadline = [], time.monotonic() + seconds
    while len(done) < count and time.monotonic() < deadline:
        done += executor.wait(0.2)
    return done

start_patiently()
folder = Path(sys.argv[1])
several = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
with attach(several.address):
    nodes = [several.add_node(wait=False, num_cpus=1) for _ in range(2)]
    several.wait_for_nodes(timeout=240)
    executor = RayGangs(RayExecutor(), workers=2)
    executor.submit(Call("gang_calls:wait", {"folder": str(folder)}, shares=({}, {})))
    while len(list(folder.iterdir())) < 2:
        assert executor.wait(0.2) == []
    several.remove_node(nodes[1], allow_graceful=False)
    print(*(each.failure.kind for each in ended()))
    several.add_node(wait=False, num_cpus=1)
    several.wait_for_nodes(timeout=240)
    executor.submit(Call("gang_calls:together", {}, shares=({"own": 3}, {"own": 4})))
    print(*(each.value for each in ended()))
    executor.close()
    print(*{each["state"] for each in placement_group_table().values()})
several.shutdown()
"""


@pytest.mark.slow
def test_a_gang_over_two_nodes_that_loses_one_fails_once_and_goes_on_when_another_is_there(monkeypatch, tmp_path):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(__file__), prepend=os.pathsep)
    ran = subprocess.run([sys.executable, "-c", NODE_DIES, str(tmp_path)], capture_output=True, text=True, timeout=600)
    assert ran.stdout.splitlines() == ["node", "(0, [3, 0, 4, 0])", "REMOVED"], ran.stderr

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from orchestrator.executor import Call, Failure, InfeasibleError, InlineExecutor, Needs


def finish(executor, count, seconds=240.0):
    """Wait for `count` completions; return them by ticket."""
    done, deadline = {}, time.monotonic() + seconds
    while len(done) < count:
        assert time.monotonic() < deadline, f"{len(done)} of {count} completions in {seconds} s"
        for completion in executor.wait(0.5):
            assert completion.ticket not in done
            done[completion.ticket] = completion
    return done


def until(condition, seconds=240.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not in {seconds} s"
        time.sleep(0.05)
    return found


def run(executor, function, **arguments):
    """Run one call of `called.function` to its end."""
    ticket = executor.submit(Call(f"called:{function}", arguments, tag="mine"))
    return finish(executor, 1)[ticket]


@pytest.fixture
def ray_executor(local_ray):
    from orchestrator.ray_executor import RayExecutor

    executor = RayExecutor()
    yield executor
    executor.close()


@pytest.fixture(params=["inline", "ray"])
def executor(request):
    return InlineExecutor() if request.param == "inline" else request.getfixturevalue("ray_executor")


def test_a_call_completes_with_its_value_and_its_tag(executor):
    completion = run(executor, "add", a=2, b=[3][0])
    assert (completion.value, completion.failure, completion.call.tag) == (5, None, "mine")
    assert executor.wait(0.0) == []


def test_every_call_completes_once(executor):
    tickets = [executor.submit(Call("called:add", {"a": i, "b": 0}, tag={"unhashable": i})) for i in range(50)]
    assert len(set(tickets)) == 50
    done = finish(executor, 50)
    assert [done[ticket].value for ticket in tickets] == list(range(50))
    assert [done[ticket].call.tag["unhashable"] for ticket in tickets] == list(range(50))


@pytest.mark.parametrize(
    "function, arguments, kind, message",
    [
        ("fail", {"text": "no such key"}, "user", "KeyError: 'no such key'"),
        ("fail", {"wrong": 1}, "user", "TypeError: fail() got an unexpected keyword argument 'wrong'"),
        ("nothing", {}, "user", "AttributeError: module 'called' has no attribute 'nothing'"),
        ("run_out", {"kind": "torch"}, "device_memory", "OutOfMemoryError: CUDA out of memory."),
        ("run_out", {"kind": "host"}, "memory", "MemoryError"),
        ("run_out", {"kind": "cpu"}, "memory", "RuntimeError: [enforce fail at alloc_cpu.cpp"),
        ("import_nothing", {}, "environment", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("leave", {}, "crash", "SystemExit: 3"),
    ],
)
def test_a_failure_says_what_happened_in_one_line(executor, function, arguments, kind, message):
    completion = run(executor, function, **arguments)
    assert completion.value is None
    assert (completion.failure.kind, completion.failure.message[: len(message)]) == (kind, message)
    assert run(executor, "add", a=1, b=1).value == 2


def test_a_traceback_ends_with_the_innermost_frames(executor):
    lines = run(executor, "deep", depth=30).failure.traceback.splitlines()
    assert lines[-1] == "IndexError: list index out of range"
    assert any("return deep(depth - 1) if depth else [][0]" in line for line in lines)
    assert any("repeated 5 more times" in line for line in lines)  # eight frames: the first three are written out
    assert not any("executor.py" in line for line in lines)


def test_a_function_that_is_not_named_is_refused():
    for name in ("called", "called:", ":add"):
        with pytest.raises(ValueError, match="module:function"):
            Call(name, {})


def test_inline_runs_the_oldest_call_when_waited_for(tmp_path):
    executor, log = InlineExecutor(), tmp_path / "log"
    first = executor.submit(Call("called:mark", {"path": str(log), "seconds": 0}))
    executor.submit(Call("called:add", {"a": 1, "b": 1}))
    assert not log.exists()
    assert [completion.ticket for completion in executor.wait(0.0)] == [first]
    executor.cancel()
    assert executor.wait(0.0) == []


def test_the_protocol_and_the_inline_executor_need_no_ray():
    code = "import sys, orchestrator.executor; sys.exit('ray' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_calls_run_side_by_side_in_processes_that_are_kept(ray_executor):
    tickets = [ray_executor.submit(Call("called:process", {})) for _ in range(200)]
    processes = {completion.value for completion in finish(ray_executor, len(tickets)).values()}
    assert os.getpid() not in processes
    assert len(processes) < 20  # two slots, and what Ray starts beside them where a machine is slow


def test_a_task_computes_with_as_many_threads_as_it_reserves(ray_executor):
    assert run(ray_executor, "threads").value == "1"


def test_a_killed_worker_is_a_crash_that_is_not_retried(ray_executor, tmp_path):
    failure = run(ray_executor, "die").failure
    assert failure.kind == "crash"
    assert "\n" not in failure.message
    assert run(ray_executor, "add", a=1, b=1).value == 2


def test_wait_returns_when_the_first_call_ends(ray_executor):
    slow = ray_executor.submit(Call("called:mark", {"path": os.devnull, "seconds": 3600}))
    until(lambda: ray_executor.running([slow]))
    quick = ray_executor.submit(Call("called:add", {"a": 1, "b": 1}))
    assert list(finish(ray_executor, 1)) == [quick]
    assert ray_executor.wait(0.2) == []


def test_of_very_many_calls_the_late_ones_are_watched_too(ray_executor, monkeypatch):
    monkeypatch.setattr("orchestrator.ray_executor._WATCHED", 10)
    slow = ray_executor.submit(Call("called:mark", {"path": os.devnull, "seconds": 3600}))
    until(lambda: ray_executor.running([slow]))
    quick = [ray_executor.submit(Call("called:add", {"a": i, "b": 0})) for i in range(60)]
    assert set(finish(ray_executor, 60)) == set(quick)


def test_a_large_payload_is_stored_once_and_dropped_when_nothing_uses_it(ray_executor):
    payload, copy = b"x" * 2_000_000, bytes(bytearray(b"x" * 2_000_000))
    signs = [1, -1, 1, -1, 1]
    tickets = [
        ray_executor.submit(Call("called:length", {"payload": (payload, copy)[i % 2], "sign": sign}))
        for i, sign in enumerate(signs)
    ]
    assert len(ray_executor.payloads) == 1
    done = finish(ray_executor, len(signs))
    assert [done[ticket].value for ticket in tickets] == [2_000_000 * sign for sign in signs]
    assert not ray_executor.payloads


def test_large_results_come_back_whole(ray_executor):
    assert run(ray_executor, "repeat", count=5_000_000).value == b"x" * 5_000_000


def test_cancelled_calls_stop_and_never_complete(ray_executor, tmp_path):
    log = tmp_path / "log"
    tickets = [ray_executor.submit(Call("called:mark", {"path": str(log), "seconds": 3600})) for _ in range(6)]
    sites = until(lambda: ray_executor.running(tickets)).values()
    until(log.exists)
    ray_executor.cancel()
    assert ray_executor.wait(0.1) == []
    until(lambda: not any(os.path.exists(f"/proc/{site.pid}") for site, _ in sites))
    after = ray_executor.submit(Call("called:add", {"a": 1, "b": 1}))
    assert list(finish(ray_executor, 1)) == [after]
    assert log.read_text().count("started") <= 2


def test_slots_are_what_the_nodes_hold(local_ray):
    from cluster.nodes import Nodes
    from orchestrator.ray_executor import RayExecutor

    assert RayExecutor().slots == 2
    assert RayExecutor(cpus=0.5).slots == 4
    assert RayExecutor(cpus=2).slots == 1
    (node,) = Nodes().alive()
    assert RayExecutor(memory=0.6 * node.memory).slots == 1
    assert (RayExecutor(slots=1).slots, RayExecutor(slots=1).slots_now()) == (1, 2)
    assert RayExecutor(slots=9).slots == 2


def test_as_many_calls_are_in_flight_as_keep_every_slot_busy_and_no_more_than_are_allowed(local_ray):
    from orchestrator.ray_executor import RayExecutor

    assert RayExecutor().wanted == 4
    assert RayExecutor(slots=2).wanted == 4
    assert RayExecutor(slots=1).wanted == 1, "a second one would run beside it"
    assert RayExecutor(pending=64).wanted == 66
    assert RayExecutor(slots=10, pending=64).wanted == 10


def test_an_autoscaler_may_have_no_node_yet(local_ray):
    from orchestrator.ray_executor import RayExecutor

    executor = RayExecutor(gpus=1, pending=8)
    assert (executor.slots, executor.wanted) == (0, 8)


def test_a_shape_that_no_node_holds_is_refused_before_anything_starts(local_ray):
    from orchestrator.ray_executor import RayExecutor

    with pytest.raises(InfeasibleError, match="a task of 3 CPUs and 0 GPUs: the largest of 1 has 2 CPUs and"):
        RayExecutor(cpus=3)
    with pytest.raises(InfeasibleError, match=r"lower resources\.cpus or resources\.gpus"):
        RayExecutor(gpus=64)


def test_rays_errors_are_told_apart_by_type():
    from ray import exceptions as errors

    from orchestrator.ray_failures import ray_failed

    def wrapped(cause):
        return errors.RayTaskError("perform", "text", cause)

    kinds = {
        "crash": [errors.WorkerCrashedError(), errors.ActorDiedError()],
        "memory": [errors.OutOfMemoryError("killed"), wrapped(MemoryError()), errors.ObjectStoreFullError()],
        "node": [errors.NodeDiedError("gone"), errors.TaskUnschedulableError("gone")],
        "environment": [
            errors.RuntimeEnvSetupError("no pip"),
            wrapped(ImportError("no module")),
            wrapped(RuntimeError("The remote function failed to import on the worker. This may be because")),
        ],
        "lost": [
            errors.ObjectLostError("00", "", ""),
            errors.OwnerDiedError("00", "", ""),
            wrapped(errors.ObjectReconstructionFailedError("00", "", "")),
        ],
        "cluster": [errors.RpcError("down"), errors.LocalRayletDiedError(), ConnectionError("no head")],
        "cancelled": [errors.TaskCancelledError(), wrapped(errors.TaskCancelledError())],
        "user": [wrapped(ValueError("crash, memory, node\nsecond line"))],
    }
    for kind, raised in kinds.items():
        for error in raised:
            failure = ray_failed(error)
            assert isinstance(failure, Failure)
            assert failure.kind == kind, error
            assert failure.message
            assert "\n" not in failure.message


def test_it_is_known_where_a_call_runs_and_where_it_ran(ray_executor):
    completion = run(ray_executor, "process")
    assert completion.value == completion.site.pid != os.getpid()
    assert completion.site.host == socket.gethostname()
    assert completion.site.node == ray_executor.nodes.ours
    assert 0 <= completion.seconds < 60
    ticket = ray_executor.submit(Call("called:mark", {"path": os.devnull, "seconds": 60}))
    site, seconds = until(lambda: ray_executor.running([ticket]).get(ticket))
    assert (site.node, seconds >= 0) == (ray_executor.nodes.ours, True)
    assert ray_executor.running([ticket + 1]) == {}
    os.kill(site.pid, signal.SIGKILL)
    crashed = finish(ray_executor, 1)[ticket]
    assert (crashed.failure.kind, crashed.site) == ("crash", site)


def test_an_abandoned_call_is_killed_and_never_completes(ray_executor):
    ticket = ray_executor.submit(Call("called:mark", {"path": os.devnull, "seconds": 600}))
    site, _ = until(lambda: ray_executor.running([ticket]).get(ticket))
    ray_executor.abandon(ticket)
    until(lambda: not os.path.exists(f"/proc/{site.pid}"))
    assert run(ray_executor, "add", a=1, b=1).value == 2
    assert ray_executor.wait(0.0) == []


def test_a_call_gets_more_of_its_node_and_stays_off_one_only_while_there_is_another(ray_executor):
    # The only node there is holds no more than itself, and is avoided in vain.
    needs = Needs(shares=8, gpu_shares=2, avoid=frozenset({ray_executor.nodes.ours}))
    ticket = ray_executor.submit(Call("called:add", {"a": 1, "b": 1}, needs=needs))
    assert finish(ray_executor, 1)[ticket].value == 2


PACKED = """
import sys, tempfile
from cluster.attach import attach
from orchestrator.executor import Call
from orchestrator.ray_executor import RayExecutor

with attach(cpus=4, gpus=2), tempfile.TemporaryDirectory() as folder:
    executor = RayExecutor(cpus=0.5, gpus=0.5)
    print(executor.slots, executor.wanted)
    for _ in range(4):
        executor.submit(Call("called:company", {"folder": folder, "everyone": 4}))
    done = []
    while len(done) < 4:
        done += executor.wait(1.0)
    print(sorted((each.value, each.site.gpus) for each in done))
    executor.close()
"""


@pytest.mark.slow
def test_tasks_share_a_gpu_by_their_parts_of_it(monkeypatch):
    assert script(PACKED, monkeypatch).splitlines() == ["4 6", "[(2, ('0',)), (2, ('0',)), (2, ('1',)), (2, ('1',))]"]


def script(code, monkeypatch):
    """Run `code` in a process of its own, where Ray notices a dead node within seconds; return what it prints."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(__file__))
    for name, value in {"initial_delay_ms": 0, "period_ms": 300, "failure_threshold": 3}.items():
        monkeypatch.setenv(f"RAY_health_check_{name}", str(value))
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


CLUSTER_DIES = """
import os, signal, subprocess, time
from cluster.attach import attach
from orchestrator.executor import Call
from orchestrator.ray_executor import RayExecutor

with attach(cpus=1) as attached:
    executor = RayExecutor()
    executor.submit(Call("operator:not_there", {}))
    assert executor.wait(240)[0].failure.kind == "user"
    executor.submit(Call("called:mark", {"path": os.devnull, "seconds": 100}))
    assert executor.wait(0.5) == []
    raylet = subprocess.run(["pgrep", "-P", str(os.getpid()), "raylet"], capture_output=True, text=True).stdout
    os.kill(int(raylet), signal.SIGKILL)
    began, done = time.monotonic(), []
    while not done and time.monotonic() - began < 240:
        done = executor.wait(0.5)
    print(done[0].failure.kind, done[0].failure.message, sep=": ")
    executor.close()
print("detached")
"""


def test_when_the_cluster_dies_every_call_in_flight_says_so(monkeypatch):
    expected = "cluster: the Ray node that this process is attached to has died\ndetached\n"
    assert script(CLUSTER_DIES, monkeypatch) == expected


NODE_DIES = """
import os, time
from ray.cluster_utils import Cluster
from chaotic import start_patiently, until
from cluster.attach import attach
from orchestrator.executor import Call, InfeasibleError
from orchestrator.ray_executor import RayExecutor

start_patiently()
several = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
with attach(several.address):
    try:
        RayExecutor()
    except InfeasibleError as error:
        print(error)
    nodes = [several.add_node(wait=False, num_cpus=cpus) for cpus in (1, 3)]
    several.wait_for_nodes(timeout=240)
    executor = RayExecutor(cpus=2)
    print(executor.slots)
    ticket = executor.submit(Call("called:mark", {"path": os.devnull, "seconds": 1000}))
    until(lambda: executor.running([ticket]), "a call that runs")
    several.remove_node(nodes[1], allow_graceful=False)
    print(until(lambda: executor.wait(1.0), "its end")[0].failure.kind)
    until(lambda: not executor.slots, "the slot is gone")
    print(executor.slots)
    executor.close()
several.shutdown()
"""


@pytest.mark.slow
def test_a_call_whose_node_dies_says_so_and_its_slots_are_gone(monkeypatch):
    infeasible = (
        "no node can hold a task of 1 CPUs and 0 GPUs: the largest of 1 has 0 CPUs and 0 GPUs; lower resources.cpus"
    )
    assert script(NODE_DIES, monkeypatch).splitlines() == [f"{infeasible} or resources.gpus", "1", "node", "0"]

"""Each case has a process of its own: a process is attached to one Ray at a time, and the others share `local_ray`."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from cluster.attach import AttachError, attach

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def python(monkeypatch, tmp_path):
    """Run a script in an empty folder; return the completed process."""
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    here = tmp_path / "here"
    here.mkdir()

    def run(code, *arguments):
        return subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=here, capture_output=True, text=True, timeout=600
        )

    return run


@pytest.fixture
def sessions(monkeypatch):
    """Return the folders of private Rays, in a folder for temporary files where nobody else on the machine has any."""
    root = Path(tempfile.mkdtemp(prefix="sh-", dir="/tmp"))  # short: paths of sockets end at 107 characters
    monkeypatch.setenv("TMPDIR", str(root))
    yield lambda: set(root.glob("stillhouse-ray-*"))
    shutil.rmtree(root, ignore_errors=True)


WORK = """
import os, signal

def own(name):
    import own
    print("what a worker prints stays with the worker")
    return [getattr(own, name).__name__, os.environ["RAY_USAGE_STATS_ENABLED"]]

def die():
    os.kill(os.getpid(), signal.SIGKILL)
"""

PRIVATE = """
import os, signal, sys, time

def ours(number, frame): print("our handler")
signal.signal(signal.SIGTERM, ours)
interrupt = signal.getsignal(signal.SIGINT)
before = dict(os.environ)

from cluster.attach import attach
from orchestrator.executor import Call
from orchestrator.ray_executor import RayExecutor
with attach(cpus=1) as attached:
    print(attached.private)
    executor = RayExecutor()
    executor.submit(Call("work:own", {"name": "Network"}))
    print(executor.wait(240)[0].value)
    executor.submit(Call("work:die", {}))
    print(executor.wait(240)[0].failure.kind)
    time.sleep(1)  # the messages of the cluster arrive late
    os.kill(os.getpid(), signal.SIGTERM)
    print(signal.getsignal(signal.SIGINT) is interrupt)
    with attach() as again:
        print(again.private, again.address == attached.address)
    executor.submit(Call("work:own", {"name": "Network"}))
    print(executor.wait(240)[0].value[0])
print({name for name in {*before, *os.environ} if before.get(name) != os.environ.get(name)} - {"RAY_CLIENT_MODE"})
"""


def test_a_private_ray_leaves_the_process_as_it_was(python, sessions, monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # its path is too long for sockets
    (tmp_path / "here" / "own.py").write_text("class Network: pass")
    (tmp_path / "here" / "work.py").write_text(WORK)
    ran = python(PRIVATE)
    expected = [
        "True", "['Network', '0']", "crash", "our handler", "True", "False True", "Network", "set()",
    ]  # fmt: skip
    assert ran.stdout.splitlines() == expected, ran.stderr
    assert ran.stderr == ""
    assert sessions() == set()


KILLED = """
import os, signal
from cluster.attach import attach
attached = attach(cpus=1)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_removed_by_the_next(python, sessions):
    python(KILLED)
    (left,) = sessions()
    python("from cluster.private_folder import PrivateFolder; PrivateFolder().remove()")
    assert not left.exists()


CLUSTER = """
import os, sys
import ray
from ray.cluster_utils import Cluster
from cluster.attach import AttachError, attach

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 3, "include_dashboard": False})
with attach(cluster.address, cpus=1) as attached:
    print(attached.private, attached.address == cluster.address, ray.cluster_resources()["CPU"])
    try:
        attach("127.0.0.1:1")
    except AttachError as error:
        print("AttachError:", str(error).replace(cluster.address, "HEAD"))
os.environ["RAY_ADDRESS"] = cluster.address
with attach() as attached:
    print(attached.private)
version, ray.__version__ = ray.__version__, "2.0.0"
try:
    attach(cluster.address)
except AttachError as error:
    print("AttachError:", str(error).replace(cluster.address, "HEAD").replace(version, "X"))
ray.__version__ = version
cluster.shutdown()
"""


def test_a_cluster_is_joined_left_and_refused_when_versions_differ(python):
    ran = python(CLUSTER)
    lines = ran.stdout.splitlines()
    assert lines[0] == "False True 3.0", ran.stderr
    assert lines[1].startswith("AttachError: this process is attached to Ray at HEAD; call ray.shutdown() first")
    assert lines[2] == "False"
    assert lines[3].startswith("AttachError: cannot attach to Ray at HEAD: Version mismatch"), ran.stderr
    assert "Ray: X" in lines[3]
    assert "Ray: 2.0.0" in lines[3]
    assert len(lines) == 4


@pytest.mark.parametrize(
    "address, says",
    [
        ("127.0.0.1:1", "no Ray head answers at 127.0.0.1:1 ([Errno 111] Connection refused); is the cluster up"),
        ("head.invalid:6379", "no Ray head answers at head.invalid:6379"),
        ("ray://127.0.0.1:1", "no Ray head answers at ray://127.0.0.1:1"),
        ("127.0.0.1:99999", "no Ray head answers at 127.0.0.1:99999"),
        ("http://127.0.0.1:8265", "is where Ray takes jobs; to attach, give the head itself, such as head:6379"),
        ("127.0.0.1", "is host:port, such as head:6379, got '127.0.0.1'"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_line_and_ray_is_not_asked(python, address, says):
    code = (
        "import sys; from cluster.attach import *\ntry: attach(sys.argv[1])\nexcept AttachError as error: print(error)"
    )
    ran = python(code, address)
    assert says in ran.stdout
    assert len(ran.stdout.splitlines()) == 1
    assert ran.stderr == "", "Ray itself would try for a minute, and say so"


def test_attaching_again_shares_what_is_there(local_ray):
    before = os.environ.get("RAY_AUTH_MODE")  # newer versions of Ray set it, for as long as they are attached
    with attach() as again:
        assert (again.private, again.address) == (False, local_ray.address)
    with attach("auto") as again:
        assert again.address == local_ray.address
    with pytest.raises(AttachError, match="this process is attached to Ray at"):
        attach("127.0.0.1:1")
    assert os.environ.get("RAY_AUTH_MODE") == before

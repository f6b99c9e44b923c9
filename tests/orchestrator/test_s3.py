"""Runs in a store that speaks S3: a server of this process's own, asked by pyarrow's real client."""

import json
import signal

import pytest

from orchestrator.events import Events, event_lines
from orchestrator.lease import Lease, LeaseHeld
from orchestrator.place import place_of
from orchestrator.publish import publish
from tests.orchestrator.test_kills import wait_until
from tests.orchestrator.tiny_sweep import SWEEP, rows, stillhouse, write_sweep

KEYS = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "hush-hush", "AWS_EC2_METADATA_DISABLED": "true"}
CHANGES = {
    "search": SWEEP["search"] | {"trials": 2},
    "evaluate": SWEEP["evaluate"] | {"final": {"top": 1, "inits": 2, "runs": 1}},
    "baselines": [],
}


@pytest.fixture(scope="module")
def bucket():
    """Return the URI of a bucket, as a function of a path in it."""
    server_module = pytest.importorskip("moto.server", reason="moto and flask are not installed: no S3 to ask")
    from pyarrow import fs

    server = server_module.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    at = f"127.0.0.1:{server.get_host_and_port()[1]}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        s3 = fs.S3FileSystem(endpoint_override=at, scheme="http", region="us-east-1", allow_bucket_creation=True)
        s3.create_dir("bucket")
        yield lambda path: f"s3://bucket/{path}?endpoint_override={at}&scheme=http&region=us-east-1"
    server.stop()


def test_objects_are_put_whole_and_listed(bucket):
    run = place_of(bucket("objects"))
    assert not run.exists()
    publish(run / "trials" / "part-000000.parquet", b"rows", replace=False)
    with pytest.raises(FileExistsError):
        publish(run / "trials" / "part-000000.parquet", b"others", replace=False)
    assert [path.read_bytes() for path in (run / "trials").glob("part-*")] == [b"rows"]
    assert run.is_dir()
    (run / "trials" / "part-000000.parquet").unlink()
    with pytest.raises(FileNotFoundError):
        (run / "trials" / "part-000000.parquet").read_bytes()


def test_a_lease_and_events(bucket):
    run = place_of(bucket("lease"))
    with Lease.take(run) as lease:
        lease.beat()
        with pytest.raises(LeaseHeld, match=f"held by process {lease.holder.pid} on"):
            Lease.take(run)
    Lease.take(run).release()
    for name in ("one", "two"):
        events = Events(run)
        events.say(name)
        events.flush()
    assert [json.loads(line)["event"] for line in event_lines(run)] == ["one", "two"]


def test_a_bucket_that_is_not_there_is_said_in_one_line(bucket, tmp_path):
    nowhere = bucket("x").replace("s3://bucket", "s3://nobucket")
    failed = stillhouse("run", write_sweep(tmp_path, **CHANGES), "--out", nowhere, "--inline")
    assert failed.returncode == 2
    assert "The specified bucket does not exist" in failed.stderr_text
    assert failed.stderr_text.count("\n") == 1


@pytest.mark.slow
def test_every_command_works_there_and_a_killed_run_goes_on(bucket, tmp_path):
    sweep, run = write_sweep(tmp_path, **CHANGES), bucket("run")
    assert stillhouse("run", sweep, "--out", tmp_path / "here", "--inline").returncode == 0
    process = stillhouse("run", sweep, "--out", run, "--inline", wait=False)
    wait_until(lambda: any((place_of(run) / "trials").glob("part-*")), process)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    resumed = stillhouse("resume", run)
    assert resumed.returncode == 0, resumed.stderr_text
    assert rows(place_of(run)) == rows(tmp_path / "here")
    for command, *options in (
        ["status"], ["watch"], ["report"], ["query", "SELECT count(*) FROM distilled"], ["compare", run],
        ["export", "--to", tmp_path / "to", "--format", "npz"], ["evaluate", "--inits", "3", "--inline"],
        ["verify", "--rows", "2", "--inline"],
    ):  # fmt: skip
        answer = stillhouse(command, run, *options)
        assert answer.returncode == 0, (command, answer.stderr_text)
        assert "hush" not in answer.stdout_text + answer.stderr_text
    for path in place_of(run).iterdir():
        assert not path.is_file() or b"hush" not in path.read_bytes()

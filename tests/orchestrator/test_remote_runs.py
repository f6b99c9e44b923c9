"""A run that lies in no folder of this machine is the same run, and every command reads it."""

import re

import pytest
from remotes import in_memory

from orchestrator.compare import compare
from orchestrator.export import export
from orchestrator.lease import Lease, LeaseHeld
from orchestrator.opening import RunError, load, open_run
from orchestrator.query import query
from orchestrator.remote import Remote
from orchestrator.run_files import read_events
from orchestrator.runs import RunStopped, resume, run
from orchestrator.standing_file import read_standing
from orchestrator.status import status_of
from orchestrator.summary import summary
from orchestrator.verify import verify
from orchestrator.watch import watch
from tests.orchestrator.tiny_sweep import SWEEP, rows, write_sweep

CHANGES = {
    "search": SWEEP["search"] | {"trials": 2},
    "evaluate": SWEEP["evaluate"] | {"final": {"top": 1, "inits": 2, "runs": 1}},
    "baselines": [],
}


class Dropping:
    """A file system that is lost once ``puts`` files have been written, until `puts` is set anew."""

    def __init__(self, inner, puts):
        self._inner, self.puts = inner, puts

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def open_output_stream(self, path):
        self.puts -= 1
        if self.puts < 0:
            raise OSError("AWS Error NETWORK_CONNECTION during PutObject operation")
        return self._inner.open_output_stream(path)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    return run(str(write_sweep(folder, **CHANGES)), folder / "run", inline=True).folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run in memory whose store is lost three times on its way."""
    memory = in_memory()
    store = Dropping(memory.system, 9)
    place = Remote(store, memory.path)
    sweep = str(write_sweep(tmp_path_factory.mktemp("sweep"), **CHANGES))
    with pytest.raises(RunStopped, match=re.escape("NETWORK_CONNECTION during PutObject operation; what is committed")):
        run(sweep, place, inline=True)
    for puts in (6, 12):
        store.puts = puts
        with pytest.raises((RunStopped, OSError), match="NETWORK_CONNECTION"):
            resume(place, inline=True)
    store.puts = 1000
    assert resume(place, inline=True).done
    return memory


def test_the_rows_are_those_of_a_folder(finished, undisturbed):
    assert rows(finished) == rows(undisturbed)


def test_every_reader_reads_it(finished, undisturbed, tmp_path):
    assert open_run(finished).sweep == open_run(undisturbed).sweep
    assert status_of(finished).standing == "done"
    assert [event.name for event in read_events(finished)][-1] == "done"
    assert read_standing(finished)[0].stage == "done"
    assert summary(finished).headline.test.mean == summary(undisturbed).headline.test.mean
    assert len(compare([undisturbed, finished]).gains) == 1
    assert watch(finished, None).standing == "done"
    assert load(finished).digest() == load(undisturbed).digest()
    asked = "SELECT count(*) AS n, count(DISTINCT file) AS files FROM distilled"
    assert query(finished, asked).to_pylist() == query(undisturbed, asked).to_pylist()
    assert (
        query(finished, "SELECT trial FROM best").to_pylist()
        == query(undisturbed, "SELECT trial FROM best").to_pylist()
    )
    assert load(next((finished / "distilled").glob("*.parquet"))).data == "digits"
    assert export(finished, tmp_path / "to", ["npz"])[0].exists()
    assert verify(finished, rows=2, inline=True).holds


def test_a_second_driver_is_refused_with_the_name_of_the_first(finished):
    with (
        Lease.take(finished) as lease,
        pytest.raises(LeaseHeld, match=f"{finished}.* held by process {lease.holder.pid} on"),
    ):
        resume(finished, inline=True)
    assert resume(finished, inline=True).done


def test_another_run_is_not_written_over(finished, tmp_path):
    with pytest.raises(RunError, match="holds this very sweep"):
        run(str(write_sweep(tmp_path, **CHANGES)), finished, inline=True)
    with pytest.raises(RunError, match="is no run and not empty"):
        run(str(write_sweep(tmp_path, **CHANGES)), finished.parent, inline=True)


@pytest.mark.slow
def test_workers_never_touch_it(tmp_path, undisturbed):
    # It is in the memory of this process: a worker that read or wrote a file of the run would find none.
    place = in_memory()
    assert run(str(write_sweep(tmp_path, **CHANGES)), place).done
    assert rows(place) == rows(undisturbed)

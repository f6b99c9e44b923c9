"""What looks and rungs have spared, as status and report tell it."""

import io

from rich.console import Console

from orchestrator.report import render as render_report
from orchestrator.spared import Spared
from orchestrator.status import render_status, status_of
from orchestrator.summary import summary
from tests.orchestrator.written_runs import SWEEP, trial, write_run

RACE = SWEEP.replace("  trials: 4\n", "  trials: 5\n  rungs: [2, 5]\n  rung_inits: 3\n").replace(
    "inits: 3, final", "inits: [5, 20], final"
)
TRIALS = [
    trial(0, 0.8, n=20),
    trial(1, 0.7, n=5, status="raced_out"),
    trial(2, 0.4, n=3, status="pruned", outer_steps=2),
    trial(3, 0.5, n=3, status="pruned", outer_steps=5),
    trial(4, status="failed", outer_steps=1),
]


def told(render, found):
    console = Console(file=io.StringIO(), width=120)
    render(found, console)
    return console.file.getvalue()


def test_networks_and_outer_steps_are_counted_against_trials_that_nothing_stops(tmp_path):
    folder = write_run(tmp_path / "run", RACE, trials=[dict(row) for row in TRIALS])
    # Two rungs of three networks and then twenty; the same and then five; one rung; two rungs.
    assert status_of(folder).spared == Spared(26 + 11 + 3 + 6, 4 * 20, 10 + 10 + 2 + 5, 4 * 10)
    line = "looks and rungs: 46 of 80 networks trained, 27 of 40 outer steps done"
    assert line in told(render_status, status_of(folder))
    assert line in told(render_report, summary(folder))
    assert all(each in told(render_status, status_of(folder)) for each in ("1 raced_out", "2 pruned"))


def test_without_looks_and_rungs_nothing_is_said_of_them(tmp_path):
    folder = write_run(tmp_path / "run", trials=[trial(0, 0.8)])
    assert status_of(folder).spared is None
    assert "looks and rungs" not in told(render_status, status_of(folder)) + told(render_report, summary(folder))

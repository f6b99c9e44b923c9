"""Run a sweep, or resume one: the same from Python as from the command line."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distiller.own_path import absolute
from distiller.recipe import Recipe
from orchestrator.events import any_events
from orchestrator.frozen import extend, freeze, with_resources
from orchestrator.lease import Lease, LeaseLost
from orchestrator.opening import Run, RunError, open_run
from orchestrator.place import Place, place_of
from orchestrator.publish import make_folder, remove_folder
from orchestrator.storage import Storage, write_json
from orchestrator.warm_start_file import WARM_START, known_trials, read_source, write_warm_start
from sweeps import Sweep, read

if TYPE_CHECKING:
    from orchestrator.budget import Budget
    from orchestrator.executor import Executor
    from orchestrator.interrupts import Interrupts
    from orchestrator.progress import View
    from orchestrator.schedule import Schedule, Stage

__all__ = ["RunStopped", "evaluate_more", "executor_for", "resume", "run"]

_OF_NO_RUN = ("lease.json", WARM_START)  # what a driver that died before it froze its sweep has left
_SECONDS_BETWEEN_BEATS = 5.0
_SECONDS_BETWEEN_VIEWS = 0.25
_SECONDS_BETWEEN_WORDS = 1.0
_SECONDS_BETWEEN_PUTS = 10.0  # of the same words where each is a request to a store


class RunStopped(RuntimeError):  # noqa: N818
    """A run that had to stop and can be resumed, in one line."""


def run(
    sweep: Sweep | Path | str,
    out: Place | str | None = None,
    *,
    overrides: Sequence[str] = (),
    address: str | None = None,
    inline: bool = False,
    view: View | None = None,
) -> Run:
    """Run a sweep, a shipped one's name or a file's path, into the folder ``out`` (``runs/NAME`` where not given), or to a URI.

    Tasks run on a private local Ray, on the cluster at ``address``, or ``inline`` in this process. Returns when all is done, or
    when SIGINT or SIGTERM asked to stop. Raises `SweepError`, `RunError`, or another error of one line before work starts.
    """
    if isinstance(sweep, Sweep) and overrides:
        raise RunError("overrides go with a sweep's name or file; this one is read already")
    sweep = _located(sweep if isinstance(sweep, Sweep) else read(sweep, overrides))
    folder = place_of(out) if out is not None else Path("runs") / sweep.name
    started = Run(folder, sweep, (sweep.trials,), sweep.digest())
    _refuse_other_run(folder, sweep)
    warm = read_source(sweep)
    if warm is not None and view is not None:
        view.say(str(warm))
    with _new_folder(folder), Lease.take(folder) as lease:
        write_warm_start(folder, warm)
        freeze(started)
        try:
            _check(sweep, inline)
            return _drive(started, lease, address, inline, view)
        except BaseException as error:
            if any_events(folder):
                raise
            # Nothing has happened yet: a sweep that cannot run here, or no Ray to run it on.
            (folder / "sweep.json").unlink()
            (folder / WARM_START).unlink(missing_ok=True)
            if isinstance(error, RunStopped):
                raise RunError(f"{folder}: nothing was started: {error.__cause__}") from error
            raise


def resume(
    folder: Place | str,
    *,
    trials: int | None = None,
    hours: float | None = None,
    device_hours: float | None = None,
    retry_failed: bool = False,
    overrides: Sequence[str] = (),
    address: str | None = None,
    inline: bool = False,
    view: View | None = None,
) -> Run:
    """Go on with a run after a stop or a crash, or with a larger budget: trials, hours on the clock, hours of devices.

    With ``retry_failed`` trials that failed are tried again; ``overrides`` give tasks other ``resources``. A finished run to
    which trials come gets one more final.

    Raises `RunError` where ``folder`` holds no run, `LeaseHeld` where another driver holds it.
    """
    opened = open_run(folder)
    if opened.digest != opened.sweep.digest():
        raise RunError(
            f"{folder}: its sweep.json was changed, or frozen by another version of stillhouse, which environment.json names; "
            "resume it as it was, or run it anew with --out"
        )
    with Lease.take(opened.folder) as lease:
        opened = open_run(opened.folder)  # what another driver has frozen until it let go
        if (trials, hours, device_hours) != (None, None, None):
            opened = extend(opened, trials, hours, device_hours)
            freeze(opened)
        if overrides:
            opened = with_resources(opened, overrides)
            freeze(opened)
        if retry_failed:
            opened = _retry_failed(opened)
        if _is_done(opened):
            return dataclasses.replace(opened, done=True)
        _check(opened.sweep, inline)
        return _drive(opened, lease, address, inline, view)


def _retry_failed(opened: Run) -> Run:
    from orchestrator.retrying import retry_failed

    return retry_failed(opened)


def _is_done(opened: Run) -> bool:
    """Say whether nothing is left to do, without starting what would do it; tidy up after a driver that died."""
    from orchestrator.run_files import read_run

    if read_run(opened.folder).stage() != "done":
        return False
    storage = Storage(opened.folder)
    storage.clear()
    # What a failed trial had computed is what a retry of it goes on from.
    failed = [row["trial"] for row in opened.table("trials").to_pylist() if row["status"] == "failed"]
    storage.drop_all_states(but=failed)
    return True


def evaluate_more(
    folder: Place | str, stages: Callable[[Run], Sequence[Stage]], *, address: str | None = None, inline: bool = False
) -> Run:
    """Do the jobs of some stages on finished trials of a run, beside its sweep; what rows hold already is not done again."""
    opened = open_run(folder)
    with Lease.take(opened.folder) as lease:
        opened = open_run(opened.folder)  # what another driver has frozen until it let go
        return _drive(opened, lease, address, inline, None, stages(opened))


def _located(sweep: Sweep) -> Sweep:
    """Return the sweep with the paths of own data made absolute, so that it can be resumed from anywhere."""
    return sweep.model_copy(update={"recipe": Recipe.parse(_absolute(sweep.recipe.plain()))})


def _absolute(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested values in which every text under a key ``data`` or ``vectors`` that is the path of something is absolute."""
    return {
        key: _absolute(value) if isinstance(value, Mapping)
        else absolute(value) if key in ("data", "vectors") and isinstance(value, str)
        else value
        for key, value in values.items()
    }  # fmt: skip


@contextmanager
def _new_folder(folder: Place) -> Iterator[None]:
    """Make the folder; where nothing was put into it, leave none behind."""
    existed = folder.exists()
    try:
        make_folder(folder)
    except OSError as error:
        raise RunError(f"{folder}: cannot be written: {error.strerror}; name another place with --out") from None
    try:
        yield
    except BaseException:
        if not existed and not (folder / "sweep.json").exists():
            remove_folder(folder)
        raise


def _refuse_other_run(folder: Place, sweep: Sweep) -> None:
    if (folder / "sweep.json").exists():
        other = open_run(folder).sweep
        same = "this very sweep" if other.digest() == sweep.digest() else f"another run, of {other.name}"
        raise RunError(
            f"{folder}: holds {same}; `stillhouse resume {folder}` goes on with it, --out names another place"
        )
    there = folder.iterdir() if folder.is_dir() else ()
    others = [path.name for path in there if not path.name.startswith(".") and path.name not in _OF_NO_RUN]
    if others:
        raise RunError(f"{folder}: is no run and not empty ({others[0]}); name another place with --out")


def _check(sweep: Sweep, inline: bool) -> None:
    from orchestrator.check import check

    check(sweep, here=inline)


def _drive(
    run: Run, lease: Lease, address: str | None, inline: bool, view: View | None, stages: Sequence[Stage] | None = None
) -> Run:
    """Run what is left to do, or just the jobs of ``stages``, under the lease."""
    from orchestrator.interrupts import interrupts

    try:
        with ExitStack() as stack:
            heard = stack.enter_context(interrupts())
            executor = stack.enter_context(executor_for(run.sweep, address, inline))
            schedule = _schedule(run, executor, view)
            if stages is not None:
                schedule.only(stages)
            done = _work(schedule, lease, heard, view)
    except SystemExit:
        # Ray's own handler, which is in place while it starts, leaves by this at SIGTERM.
        return dataclasses.replace(run, signal=signal.SIGTERM)
    except OSError as error:
        cure = f"what is committed stays; mend it, then: stillhouse resume {run.folder}"
        raise RunStopped(f"{error.filename or run.folder}: {error.strerror or error}; {cure}") from error
    run = open_run(run.folder)  # whose search a time budget may have ended
    return dataclasses.replace(run, done=done, unfinished=len(schedule.unfinished), signal=heard.received)


def _work(schedule: Schedule, lease: Lease, heard: Interrupts, view: View | None) -> bool:
    tick = _ticker(schedule, lease, heard, view)
    schedule.events.say("driver_started", slots=schedule.executor.slots, finals=schedule.finals)
    write_json(schedule.storage.folder / "environment.json", _environment(schedule.executor))
    try:
        done = schedule.drive(heard, tick)
    except LeaseLost:
        raise  # another driver writes this run now: what is not committed here is that one's to compute
    except BaseException:
        schedule.records.flush()
        schedule.events.flush()
        raise
    schedule.records.flush()
    if done:
        # For whoever reads: nothing more is to come. Where there is no room for it, the parts stay as they are.
        with contextlib.suppress(OSError):
            schedule.records.merge()
    tick(last=True)
    schedule.events.say("done" if done else "stopped", signal=heard.received)
    schedule.events.flush()
    return done


@contextmanager
def executor_for(sweep: Sweep, address: str | None, inline: bool) -> Iterator[Executor]:
    """Give what runs the tasks of ``sweep``: this process if ``inline``, else Ray, at ``address`` or a private one."""
    from orchestrator.executor import InlineExecutor

    if inline:
        yield InlineExecutor()
        return
    from cluster.attach import attach
    from orchestrator.ray_executor import RayExecutor
    from orchestrator.ray_gangs import RayGangs

    resources = sweep.resources
    with attach(address, cpus=resources.slots and math.ceil(resources.slots * resources.cpus)):
        tasks = RayExecutor(
            resources.slots, resources.cpus, resources.gpus, (resources.memory or 0) * 2**20, resources.pending
        )
        executor = RayGangs(tasks, resources.workers) if resources.workers > 1 else tasks
        try:
            yield executor
        finally:
            executor.close()


def _schedule(run: Run, executor: Executor, view: View | None) -> Schedule:
    from orchestrator.events import Events
    from orchestrator.params import params_type, space_of
    from orchestrator.records import Records
    from orchestrator.records import read as read_table
    from orchestrator.schedule import Schedule
    from orchestrator.searching import search_of

    folder, sweep, finals = run.folder, run.sweep, run.finals
    search = search_of(sweep, finals[-1], known_trials(folder, sweep))
    storage, records = Storage(folder), Records(folder, params_type(space_of(sweep)))
    storage.clear()
    say = view.say if view is not None else lambda line: None
    budget = _budget(run)
    schedule = Schedule(sweep, finals, storage, records, executor, search, Events(folder), say, budget=budget)
    if sweep.evaluate.final.runs or "learned_labels" in sweep.baselines:
        curves = read_table(folder, "curves", ["trial", "run", "loss", "gradient_norm"]).to_pylist()
        schedule.ledger.add_curves(row for row in curves if row["run"] > 0 or row["trial"] < 0)
    return schedule


def _budget(run: Run) -> Budget:
    from orchestrator.budget import Budget, search_device_seconds
    from orchestrator.clock import Clock

    def end(trials: int, key: str) -> None:
        freeze(dataclasses.replace(run, finals=(*run.finals[:-1], trials), ended=(*run.ended[:-1], key)))

    search = run.sweep.search
    on_devices = search_device_seconds(run.folder) if search and search.device_hours is not None else 0.0
    return Budget(search, run.folder, Clock(), on_devices, end, has_ended=run.ended[-1] is not None)


def _environment(executor: Executor) -> dict[str, Any]:
    from orchestrator.environment import environment

    return environment(executor.slots)


def _ticker(schedule: Schedule, lease: Lease, heard: Interrupts, view: View | None) -> Any:
    """Return what the loop calls at each turn: a heartbeat, the newest state for views, a look whether to stop."""
    from orchestrator.standing import standing
    from orchestrator.standing_file import write_standing
    from orchestrator.stopping import is_asked_to_stop

    began = beaten = shown = time.monotonic()
    written = -math.inf
    pause = _SECONDS_BETWEEN_WORDS if isinstance(schedule.storage.folder, Path) else _SECONDS_BETWEEN_PUTS

    def tick(last: bool = False) -> None:
        nonlocal beaten, shown, written
        now = time.monotonic()
        if now - beaten > _SECONDS_BETWEEN_BEATS:
            lease.beat()
            beaten = now
        if view is not None and (last or now - shown > _SECONDS_BETWEEN_VIEWS):
            view.update(standing(schedule, now - began))
            shown = now
        if last or now - written > pause:
            write_standing(schedule.storage.folder, standing(schedule, now - began))
            written = now
            if is_asked_to_stop(schedule.storage.folder, lease.holder):
                heard.wish()

    return tick

"""Compute a sample of a run's rows anew, from nothing but their keys, and compare: an audit of what the files say."""

from __future__ import annotations

import importlib.metadata
import json
import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from distiller.distilled import DistilledError
from orchestrator.asked import asked_jobs
from orchestrator.check import check
from orchestrator.executor import Call, Completion, Executor
from orchestrator.figures import count
from orchestrator.opening import Run, open_run
from orchestrator.place import Place
from orchestrator.plan import Job, Shard
from orchestrator.pulse import pulse
from orchestrator.records import KEYS, Row
from orchestrator.redistil import distilled_trial, redistil
from orchestrator.runs import executor_for
from orchestrator.sameness import Versions, compare, excuse
from orchestrator.storage import Storage
from orchestrator.trained import Networks, TrainedNetworks
from orchestrator.work import Work

__all__ = ["Verification", "completions", "run_version", "verify"]

_SURPLUS = 1  # calls in flight above the slots


@dataclass
class Verification:
    """What came of it: of ``rows`` rows ``checked`` were computed anew.

    ``exact`` of these are equal to the bit, others to rounding, counted in ``rounded`` by the reason why no more is promised;
    ``differences`` has a line for each figure that is another one and for each row that could not be computed.
    """

    folder: str
    rows: int
    checked: int = 0
    exact: int = 0
    rounded: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    distilled: int | None = None
    """The trial that was distilled anew."""
    distilled_loosely: str | None = None
    """Why only its first outer step was compared, to rounding."""

    @property
    def holds(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def lines(self) -> list[str]:
        """Return what came of it for people: what was equal and how, then a line for each difference."""
        parts = [f"{count(self.checked, 'network')} of {self.rows:,} trained anew: {self.exact:,} equal to the bit"]
        parts += [f"{amount:,} to rounding ({reason})" for reason, amount in self.rounded.items()]
        told = [", ".join(parts)]
        if self.distilled is not None:
            how = (
                f"only the first step compared, to rounding ({self.distilled_loosely})"
                if self.distilled_loosely
                else ""
            )
            told.append(f"trial {self.distilled} distilled anew" + (f": {how}" if how else ""))
        return [*told, *self.differences, count(len(self.differences), "difference")]

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, with ``version`` (1) and ``holds``."""
        return {"version": 1, "holds": self.holds, **vars(self), "rounded": dict(self.rounded)}


def verify(
    folder: Place | str,
    *,
    rows: int = 20,
    seed: int = 1,
    distil: str | None = None,
    address: str | None = None,
    inline: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Verification:
    """Train anew the networks of ``rows`` rows of evaluations, drawn by ``seed``, and compare every figure with the run's.

    With ``distil``, a trial's number or ``best``, this trial is distilled anew as well. The run stays as it is. Tasks run as
    those of `orchestrator.run`; ``say`` gets a line when they begin, and one now and then. Raises `RunError` where there is no
    such run or trial, `CheckError` where its data or its network are not here.
    """
    run = open_run(folder)
    check(run.sweep, here=inline)
    trials, evaluations = run.table("trials"), _of_finished(run)
    found = Verification(str(run.folder), evaluations.num_rows)
    sample = _sample(evaluations, rows, seed)
    besides = evaluations.filter(pc.not_equal(evaluations["phase"], "search")).to_pylist()
    asked = list(asked_jobs(run.sweep, run.finals, trials.to_pylist(), besides))
    chosen = None if distil is None else distilled_trial(run, distil)
    jobs = _by_series(asked)
    calls = list(_calls(run, sample, jobs, found))
    versions = (run_version(run.folder), importlib.metadata.version("torch"))
    with (
        executor_for(run.sweep, address, inline) as executor,
        pulse(say, f"training {count(len(sample), 'network')} anew"),
    ):
        for completion in completions(executor, calls):
            _take(completion, {_key(row): row for row in sample}, versions, found)
        if chosen is not None:
            job = next(job for job in asked if job.trial == chosen["trial"] and job.run == 0)
            lines, found.distilled_loosely = redistil(executor, run, job, chosen, versions)
            found.differences += lines
            found.distilled = chosen["trial"]
    return found


def completions(executor: Executor, calls: Iterable[Call]) -> Iterator[Completion]:
    """Yield the end of each call, as they come, with every slot at work."""
    waiting, in_flight = deque(calls), 0
    while waiting or in_flight:
        while waiting and in_flight < executor.slots + _SURPLUS:
            executor.submit(waiting.popleft())
            in_flight += 1
        for completion in executor.wait(1.0):
            in_flight -= 1
            yield completion


def run_version(folder: Place) -> str | None:
    """Return the version of torch that the run's last driver had; `None` where it is not known."""
    try:
        version = json.loads((folder / "environment.json").read_bytes())["packages"]["torch"]
        return version if version is None else str(version)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _of_finished(run: Run) -> pa.Table:
    """Return the evaluations of finished trials and of baselines: what a driver is at work on has no recipe yet."""
    evaluations, numbers = run.table("evaluations"), run.table("trials").column("trial")
    known = pc.is_in(evaluations["trial"], value_set=numbers.combine_chunks())
    return evaluations.filter(pc.or_(known, pc.less(evaluations["trial"], 0)))


def _sample(evaluations: pa.Table, rows: int, seed: int) -> list[Row]:
    total = evaluations.num_rows
    chosen = sorted(random.Random(seed).sample(range(total), min(rows, total)))
    picked: list[Row] = evaluations.take(pa.array(chosen, pa.int64())).to_pylist()
    return picked


def _by_series(jobs: Iterable[Job]) -> dict[Any, list[tuple[Job, Shard]]]:
    found = defaultdict(list)
    for job in jobs:
        for shard in job.shards:
            found[shard.series].append((job, shard))
    return found


def _calls(
    run: Run, sample: Sequence[Row], jobs: Mapping[Any, Sequence[tuple[Job, Shard]]], found: Verification
) -> Iterator[Call]:
    """Yield a call for each row's stack of networks; rows that none can be made for go to the differences."""
    stacks: dict[Any, Job] = {}
    trained = TrainedNetworks(Storage(run.folder), read_only=True)
    for row in sample:
        key = _key(row)
        place = next(((j, s) for j, s in jobs.get(key[:-1], ()) if s.first <= row["init"] < s.last), None)
        if place is None:
            found.differences.append(f"{_say(key)}: no work of this sweep comes to such a row")
        else:
            stacks[place[1], row["distilled"], _stack(place[1], row)] = place[0]
    for (shard, digest, inits), job in stacks.items():
        work = Work(job, deque([(shard, list(inits))]), trained)
        try:
            work.distilled = None if digest is None else Storage(run.folder).read_distilled(digest).to_bytes()
        except (DistilledError, OSError) as error:
            found.differences.append(f"distilled/{digest}.parquet: {error}")
            continue
        call = work.next_call(1)
        assert call is not None
        if isinstance(call.tag[1], Networks):
            found.differences += [
                f"networks/{name}.safetensors: is not there, or damaged" for name in call.tag[1].names
            ]
        else:
            yield call


def _stack(shard: Shard, row: Row) -> tuple[int, ...]:
    """Return the initialisations that were computed at once with the row's: in other company its last bits may differ."""
    first = row["init"] - (row["init"] - shard.first) % row["chunk"]
    return tuple(range(first, min(first + row["chunk"], shard.last)))


def _take(completion: Completion, rows: Mapping[Any, Row], versions: Versions, found: Verification) -> None:
    _, shard, inits = completion.call.tag
    if completion.failure is not None:
        asked = [key for init in inits if (key := (*shard.series, init)) in rows]
        found.differences += [f"{_say(key)}: cannot be computed: {completion.failure.message}" for key in asked]
        return
    for init, evaluation in zip(inits, completion.value["evaluations"], strict=True):
        if (row := rows.get((*shard.series, init))) is not None:
            _take_row(row, evaluation, excuse(row, completion.value, versions), found)


def _take_row(row: Row, evaluation: Mapping[str, Any], excused: str | None, found: Verification) -> None:
    found.checked += 1
    same = {name: compare(name, row.get(name), value) for name, value in evaluation.items()}
    wrong = [name for name, how in same.items() if how == "other" or (how == "rounding" and excused is None)]
    for name in wrong:
        found.differences.append(f"{_say(_key(row))}: {name} {row.get(name)} in the run, {evaluation[name]} anew")
    if not wrong and "rounding" in same.values():
        found.rounded[str(excused)] += 1
    found.exact += set(same.values()) == {"bit"}


def _key(row: Row) -> Any:
    return tuple(row[name] for name in KEYS["evaluations"])


def _say(key: Sequence[Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(KEYS["evaluations"], key, strict=True))

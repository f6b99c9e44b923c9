"""The driver's loop on a cluster that does everything wrong, in simulated time: its rows are those of a cluster that does not."""

import heapq
import itertools
import random
import re
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orchestrator.clock import Clock
from orchestrator.events import Events
from orchestrator.executor import Completion, Site
from orchestrator.failures import Failure
from orchestrator.params import params_type, space_of
from orchestrator.records import Records
from orchestrator.run_files import read_events
from orchestrator.schedule import Schedule
from orchestrator.searching import search_of
from orchestrator.storage import Storage
from sweeps import Sweep
from tests.orchestrator.pretended import pretend
from tests.orchestrator.tiny_sweep import SWEEP, rows

CHANGES = {
    "search": SWEEP["search"] | {"trials": 7, "lag": 3},
    "evaluate": SWEEP["evaluate"] | {"inits": 5, "shard": 2},
    "tuning": {"rates": [0.01, 0.1], "draws": 2},
    "resources": {"segment": 1, "timeout": 50},
}
CHARGED = ("crash", "memory", "device_memory", "cancelled", "hang", "late")
FAULTS = (*CHARGED, "node", "lost", "duplicate", "slow")


class Simulated(Clock):
    def __init__(self):
        self.seconds = 0.0

    def now(self):
        return self.seconds

    def rest(self, seconds):
        self.seconds += seconds


class Faulty:
    """Runs calls in simulated time, ``slots`` at once. ``faults`` are what may befall one, each of those that are charged to a
    task at most once, so that no budget is ever spent."""

    def __init__(self, slots, seed, faults, clock):
        self.slots, self.faults, self.clock = slots, faults, clock
        self.random, self.tickets = random.Random(seed), itertools.count()
        self.queue, self.begun, self.due = [], {}, []
        self.befell, self.most = Counter(), 0

    @property
    def wanted(self):
        return self.slots + 2

    def submit(self, call):
        ticket = next(self.tickets)
        self.queue.append((ticket, call))
        return ticket

    def wait(self, timeout):
        self._begin()
        step = min(max(self.due[0][0] - self.clock.now(), 0.0), 10.0) if self.due else 10.0
        self.clock.rest(step)
        ended = []
        while self.due and self.due[0][0] <= self.clock.now():
            _, _, completion = heapq.heappop(self.due)
            self.begun.pop(completion.ticket, None)
            ended.append(completion)
        self.random.shuffle(ended)
        return ended

    def running(self, tickets):
        now = self.clock.now()
        return {ticket: (place, now - since) for ticket, (place, since) in self.begun.items() if ticket in tickets}

    def abandon(self, ticket):
        """Give the slot back; the result of a late call comes all the same."""
        self.begun.pop(ticket, None)
        self.queue = [queued for queued in self.queue if queued[0] != ticket]

    def cancel(self):
        self.queue, self.begun, self.due = [], {}, []

    def close(self):
        self.cancel()

    def _begin(self):
        while self.queue and len(self.begun) < self.slots:
            ticket, call = self.queue.pop(self.random.randrange(len(self.queue)))
            place = Site(f"node {self.random.randrange(3)}", "here", ticket)
            self.begun[ticket] = (place, self.clock.now())
            self.most = max(self.most, len(self.begun))
            self._end_somehow(ticket, call, place)

    def _end_somehow(self, ticket, call, place):
        fault = self._fault(call)
        seconds = self.random.uniform(0.1, 20.0)
        if fault == "hang":
            return
        if fault in ("crash", "memory", "device_memory", "cancelled", "node", "lost"):
            return self._later(seconds, Completion(ticket, call, None, Failure(fault, "as told"), place, seconds))
        # Above the limit of 50 s only where it is to be late.
        seconds = 80.0 if fault == "late" else 45.0 if fault == "slow" else seconds
        completion = Completion(ticket, call, pretend(call), None, place, seconds)
        self._later(seconds, completion)
        if fault == "duplicate":
            self._later(seconds + self.random.uniform(0.0, 60.0), completion)

    def _later(self, seconds, completion):
        heapq.heappush(self.due, (self.clock.now() + seconds, next(self.tickets), completion))

    def _fault(self, call):
        if not self.faults or self.random.random() < 0.6:
            return None
        fault = self.random.choice(self.faults)
        work, what, _ = call.tag
        key = (work.job, what, work.outer_step if what is None else None)
        if fault in CHARGED and self.befell[key]:
            return None
        self.befell[key] += fault in CHARGED
        self.befell[fault] += 1
        return fault


def drive(folder, slots, seed=0, faults=()):
    """Drive to the end; return the rows without attempts, and the executor."""
    sweep, clock = Sweep.model_validate(SWEEP | CHANGES), Simulated()
    executor = Faulty(slots, seed, faults, clock)
    records = Records(folder, params_type(space_of(sweep)))
    finals = [sweep.trials]
    search = search_of(sweep, finals[-1])
    made = Schedule(sweep, finals, Storage(folder), records, executor, search, Events(folder), clock=clock)
    assert made.drive(lambda: clock.now() > 1e6, lambda: None), "not done in eleven days"
    return comparable(folder), executor


def comparable(folder):
    found = rows(folder)
    found["trials"] = [re.sub('"attempts": [0-9]+', "", row) for row in found["trials"]]
    return found


def same(found, expected):
    """Compare all rows; where they differ, that is too much to print."""
    return found == expected


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    found, _ = drive(tmp_path_factory.mktemp("runs") / "undisturbed", 1)
    assert len(found["trials"]) == 7
    assert len(found["evaluations"]) > 60
    return found


# Not shrunk, which takes minutes: an example is its seed.
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.sampled_from([1, 2, 4, 7]), st.integers(0, 2**32), st.lists(st.sampled_from(FAULTS), unique=True, max_size=6))
def test_no_fault_and_no_number_of_slots_changes_a_row(expected, slots, seed, faults):
    with tempfile.TemporaryDirectory() as folder:
        found, executor = drive(Path(folder), slots, seed, faults)
        assert same(found, expected)
        assert executor.most <= slots


def test_all_faults_at_once_change_no_row_and_every_one_is_in_the_events(expected, tmp_path):
    befell = Counter()
    for slots in (1, 2, 4, 7):
        found, executor = drive(tmp_path / str(slots), slots, slots, FAULTS)
        assert same(found, expected)
        said = Counter(event.about["kind"] for event in read_events(tmp_path / str(slots)) if event.name == "attempt")
        for kind in ("crash", "memory", "device_memory", "cancelled", "node", "lost"):
            assert said[kind] == executor.befell[kind]
        assert said["timeout"] == executor.befell["hang"] + executor.befell["late"]
        befell += executor.befell
    assert all(befell[fault] for fault in FAULTS), "the seeds have to draw each fault"

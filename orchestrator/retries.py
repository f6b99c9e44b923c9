"""The failed attempts of one job: what of it is tried again, when, and with what, and what it is charged for."""

from __future__ import annotations

import dataclasses
from collections import Counter

from orchestrator.clock import Clock
from orchestrator.executor import Completion, Needs
from orchestrator.failures import POLICIES, Failure, Kind
from orchestrator.tries import Tries

__all__ = ["Retries"]


class Retries:
    """The `Tries` of a job's calls by their keys; ``name`` is the job's own."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name, self._clock = name, clock
        self._failed: Counter[Kind] = Counter()
        self._tries: dict[str, Tries] = {}
        self._ready: dict[str, float] = {}
        self._needs: dict[str, Needs] = {}

    @property
    def charged(self) -> int:
        """How many attempts count among the job's: lost nodes and lost data are not held against it."""
        return sum(count for kind, count in self._failed.items() if POLICIES[kind].charged)

    @property
    def are_waiting(self) -> bool:
        """Whether a call is to be tried again that has not been asked for since its time came."""
        return bool(self._ready)

    def succeed(self, key: str) -> None:
        """Take in a call that has ended well: what befell it before is over."""
        self._tries.pop(key, None)

    def fail(self, key: str, completion: Completion) -> Failure | None:
        """Take in a failed call; return the failure that ends the job, `None` where it is tried again."""
        call, failure = completion.call, completion.failure
        assert failure is not None
        self._failed[failure.kind] += 1
        tries = self._tries.setdefault(key, Tries(f"{self._name} {key}", call.needs))
        if (last := tries.take(failure, completion.site)) is not None:
            return last
        self._ready[key] = self._clock.now() + tries.wait
        # Of a job's other calls, those of its function need as much memory; that one lost its node says nothing of them.
        self._needs[call.function] = dataclasses.replace(tries.needs, avoid=frozenset(), time_outs=0)
        return None

    def must_wait(self, key: str) -> bool:
        """Say whether a call is not to be tried again yet."""
        if self._ready.get(key, 0.0) > self._clock.now():
            return True
        self._ready.pop(key, None)
        return False

    def needs(self, key: str, function: str) -> Needs:
        """Return what a call asks for, after earlier attempts at it, and at others of its function."""
        tries = self._tries.get(key)
        return self._needs.get(function, Needs()) if tries is None else tries.needs

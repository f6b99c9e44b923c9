"""What befell the attempts at one call, and what follows from it: whether, when and on what it is tried again."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass, field

from distiller.seeds import derive
from orchestrator.executor import Needs, Site
from orchestrator.failures import POLICIES, Failure, Kind

__all__ = ["Tries"]

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0
"""Seconds."""


@dataclass
class Tries:
    """The failed attempts at the call that ``key`` names."""

    key: str
    needs: Needs
    """What the next attempt asks for."""
    counts: Counter[Kind] = field(default_factory=Counter)
    crashed_on: set[str] = field(default_factory=set)
    wait: float = 0.0
    """Seconds that the next attempt waits for, after the failure of the one before it."""

    @property
    def number(self) -> int:
        """How many attempts have failed."""
        return self.counts.total()

    def take(self, failure: Failure, site: Site | None) -> Failure | None:
        """Take in a failed attempt; return the failure that ends it all, `None` where it is tried again."""
        kind = failure.kind
        self.counts[kind] += 1
        if kind == "crash" and site is not None:
            self.crashed_on.add(site.node)
        if len(self.crashed_on) > 1:
            # The machine is not to blame: a third one would be lost to it as well.
            return dataclasses.replace(failure, message=f"{failure.message} (on a second node too: it is the task)")
        if self.counts[kind] > POLICIES[kind].retries:
            return failure
        self.needs = self._changed(kind, site)
        self.wait = self._wait(kind)
        return None

    def _changed(self, kind: Kind, site: Site | None) -> Needs:
        """Return what is worth trying after a failure of ``kind``: more memory, another node, more time."""
        avoid = self.needs.avoid | ({site.node} if site is not None else frozenset())
        match kind:
            case "memory":
                return dataclasses.replace(self.needs, shares=2 * self.needs.shares)
            case "device_memory":
                return dataclasses.replace(self.needs, gpu_shares=2 * self.needs.gpu_shares, avoid=avoid)
            case "crash" | "cancelled":
                return dataclasses.replace(self.needs, avoid=avoid)
            case "timeout":
                return dataclasses.replace(self.needs, time_outs=self.needs.time_outs + 1, avoid=avoid)
        return self.needs

    def _wait(self, kind: Kind) -> float:
        """Return the seconds until the next attempt: doubled each time, less up to half by the key; none after a first loss."""
        number = self.counts[kind] - (0 if POLICIES[kind].charged else 1)
        if number == 0:
            return 0.0
        longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (number - 1))
        return float(longest * (0.5 + derive("wait", self.key, number) / 2**65))

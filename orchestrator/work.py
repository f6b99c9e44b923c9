"""One job under way: where its distillation stands, which shards are still out, and what went wrong."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from distiller.drawing import pool_seeds
from distiller.evaluate import evaluation_seeds
from orchestrator.executor import Call, Failure
from orchestrator.plan import Job, Shard
from orchestrator.trained import Networks, TrainedNetworks, of_segment

__all__ = ["RETRIES", "Work"]

RETRIES = {"crash": 2, "memory": 1, "node": math.inf, "lost": math.inf}
"""Attempts that a job has again by the kind of failure; others, such as an error in the user's own code, have none. Lost nodes
and lost data are never held against it."""


@dataclass
class Work:
    """A `Job` and its progress. ``state`` is the newest state of its distillation, ``distilled`` its result, as bytes."""

    job: Job
    missing: deque[tuple[Shard, list[int]]]
    """Shards not handed out yet, each with the initialisations that no row holds."""
    trained: TrainedNetworks
    """The run's pre-trained networks; what this job lacks of them is trained before it is used."""
    params: Mapping[str, Any] | None = None
    """What the search proposed; `None` for a job that is no trial of it."""
    state: bytes | None = None
    outer_step: int = 0
    logged: int = 0
    """Outer steps whose rows are appended."""
    distilled: bytes | None = None
    digest: str | None = None
    diverged: str | None = None
    failure: Failure | None = None
    running: int = 0
    distil_seconds: float = 0.0
    began: float = field(default_factory=time.monotonic)
    failures: dict[str, int] = field(default_factory=dict)
    latest: Mapping[str, float | None] = field(default_factory=dict)
    """The last logged loss and accuracy, for the view."""

    @property
    def is_distilling(self) -> bool:
        """Whether there is no set to train on yet."""
        return self.job.distils and self.distilled is None

    @property
    def is_over(self) -> bool:
        """Whether nothing is running and nothing more is to be run."""
        ended = self.diverged is not None or self.failure is not None
        return self.running == 0 and (ended or not (self.is_distilling or self.missing))

    @property
    def trained_of(self) -> tuple[int, int]:
        """How many pre-trained networks are there of those that it needs next: its pool, or those that it is to measure."""
        wanted = [self._pool] if self.is_distilling else [self._networks(*each) for each in self.missing]
        return sum(map(self.trained.count, wanted)), sum(len(each.names) for each in wanted)

    @property
    def attempts(self) -> int:
        """How often the job was tried: lost nodes and lost data are not held against it."""
        charged = sum(count for kind, count in self.failures.items() if RETRIES.get(kind, 0) < math.inf)
        return max(1, charged + (self.failure is None))

    def next_call(self, segment: int) -> Call | None:
        """Return what can be run now: a shard, or the next ``segment`` outer steps if none is running; else `None`.

        Where pre-trained networks are not there that it needs, it is the training of some of them.
        """
        if self.diverged is not None or self.failure is not None:
            return None
        if self.is_distilling:
            if not self.trained.are_there(self._pool):
                return self._training(self._pool)
            return None if self.running else self._segment(segment)
        for shard, inits in self.missing:
            if self.trained.are_there(self._networks(shard, inits)):
                self.missing.remove((shard, inits))
                return self._shard(shard, inits)
        return next(filter(None, (self._training(self._networks(*each)) for each in self.missing)), None)

    def fail(self, call: Call, failure: Failure) -> bool:
        """Take in a failed call; return whether it will be run again."""
        if isinstance(call.tag[1], Networks):
            self.trained.give_up(call.tag[1])
        count = self.failures[failure.kind] = self.failures.get(failure.kind, 0) + 1
        if count > RETRIES.get(failure.kind, 0):
            self.failure = failure
            return False
        if isinstance(call.tag[1], Shard):
            self.missing.appendleft((call.tag[1], call.tag[2]))
        return True

    @cached_property
    def _recipe(self) -> dict[str, Any]:
        return self.job.recipe.plain()

    @cached_property
    def _seeds(self) -> list[int]:
        """The seeds of all the job's networks, whose shards are of one stream and one way."""
        shards = self.job.shards
        drawn = shards[0].way.recipe(self.job.recipe)
        return evaluation_seeds(drawn, shards[0].stream, max(shard.last for shard in shards))

    @cached_property
    def _pool(self) -> Networks:
        return Networks(self.job.recipe, tuple(pool_seeds(self.job.recipe)))

    def _networks(self, shard: Shard, inits: list[int]) -> Networks:
        """Return the networks that a shard measures; the vote of neighbours is one without any."""
        trains = self.job.setting is None or self.job.setting.neighbours is None
        drawn = shard.way.recipe(self.job.recipe)
        recipe = drawn.with_network(shard.network) if trains else drawn
        wanted = trains and recipe.pretrained is not None
        return Networks(recipe, tuple(self._seeds[init] for init in inits) if wanted else ())

    def _training(self, wanted: Networks) -> Call | None:
        some = self.trained.begin(wanted)
        if some is None:
            return None
        arguments = {"recipe": some.recipe.plain(), "seeds": list(some.seeds)}
        return Call("orchestrator.tasks:train_networks", arguments, (self, some, None))

    def _segment(self, steps: int) -> Call:
        networks = self.trained.bundle(of_segment(self.job.recipe, self.outer_step, steps))
        arguments = {"recipe": self._recipe, "state": self.state, "steps": steps, "networks": networks}
        return Call("orchestrator.tasks:segment", arguments, (self, None, None))

    def _shard(self, shard: Shard, inits: list[int]) -> Call:
        setting, tag = self.job.setting, (self, shard, inits)
        arguments: dict[str, Any] = {"recipe": self._recipe, "split": shard.split}
        if setting is not None:
            arguments |= {"source": setting.source, "draw": shard.draw}
        if setting is not None and setting.neighbours is not None:
            arguments |= {"neighbours": setting.neighbours, "norm": setting.norm}
            return Call("orchestrator.tasks:evaluate_neighbours", arguments, tag)
        arguments |= {
            "seeds": [self._seeds[init] for init in inits],
            "network": shard.network,
            "networks": self.trained.bundle(self._networks(shard, inits)),
        }
        if self.job.full:
            return Call("orchestrator.tasks:evaluate_trained", arguments, tag)
        # What networks were before training is of interest beside the final figures; a search would ask it of the same networks
        # in every trial.
        arguments |= {"before": shard.split == "test", **shard.way.arguments()}
        if setting is None:
            return Call("orchestrator.tasks:evaluate_distilled", arguments | {"distilled": self.distilled}, tag)
        return Call("orchestrator.tasks:evaluate_baseline", arguments | {"rate": setting.rate}, tag)

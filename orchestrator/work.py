"""One job under way: where its distillation stands, which shards are still out, and what went wrong."""

from __future__ import annotations

import dataclasses
import math
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from distiller.drawing import pool_seeds, worker_shares
from distiller.evaluate import evaluation_seeds
from orchestrator.chunks import Chunks
from orchestrator.clock import Clock
from orchestrator.executor import Call, Completion
from orchestrator.failures import Failure
from orchestrator.hurdles import NO_HURDLES, Hurdles
from orchestrator.plan import Job, Shard
from orchestrator.retries import Retries
from orchestrator.rung_phase import is_rung, rung_phase
from orchestrator.trained import Networks, TrainedNetworks, of_segment

__all__ = ["Work"]


@dataclass(eq=False)
class Work:
    """A `Job` and its progress. ``state`` is the newest state of its distillation, ``distilled`` its result, as bytes."""

    job: Job
    missing: deque[tuple[Shard, list[int]]]
    """Shards not handed out yet, each with the initialisations that no row holds."""
    trained: TrainedNetworks
    """The run's pre-trained networks; what this job lacks of them is trained before it is used."""
    number: int = 0
    """Of the works of a driver, in the order in which they were begun."""
    workers: int = 1
    """How many may run a segment together."""
    params: Mapping[str, Any] | None = None
    """What the search proposed; `None` for a job that is no trial of it."""
    hurdles: Hurdles = NO_HURDLES
    look: float = math.inf
    """Networks up to the next look of the race: those beyond it wait for its verdict."""
    rung_passed: int = 0
    verdict: Literal["raced_out", "pruned"] | None = None
    state: bytes | None = None
    outer_step: int = 0
    logged: int = 0
    """Outer steps whose rows are appended."""
    distilled: bytes | None = None
    snapshot: bytes | None = None
    """The set as it is at the rung that the distillation has come to; it goes on once that is measured."""
    digest: str | None = None
    diverged: str | None = None
    failure: Failure | None = None
    running: int = 0
    distil_seconds: float = 0.0
    began: float = field(default_factory=time.monotonic)
    clock: Clock = field(default_factory=Clock)
    chunks: Chunks = field(default_factory=Chunks)
    latest: Mapping[str, float | None] = field(default_factory=dict)
    """The last logged loss and accuracy, for the view."""

    @property
    def is_distilling(self) -> bool:
        """Whether there is no set to train on yet."""
        return self.job.distils and self.distilled is None

    @property
    def is_measuring(self) -> bool:
        """Whether there is a set that networks are to be trained on, at last or at a rung."""
        return not self.is_distilling or self.snapshot is not None

    @property
    def rung(self) -> int | None:
        """The rung that the distillation stands at, `None` between them and past the verdict."""
        at_rung = self.is_distilling and self.outer_step in self.hurdles.least and self.outer_step != self.rung_passed
        return self.outer_step if at_rung else None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is to be run, whatever is left."""
        return self.diverged is not None or self.failure is not None or self.verdict is not None

    @property
    def is_over(self) -> bool:
        """Whether nothing is running and nothing more is to be run."""
        return self.running == 0 and (self.has_ended or not (self.is_distilling or self.missing))

    @property
    def trained_of(self) -> tuple[int, int]:
        """How many pre-trained networks are there of those that it needs next: its pool, or those that it is to measure."""
        if self.job.recipe.pretrained is None:
            return 0, 0
        wanted = [self._pool] if self.is_distilling else [self._networks(*each) for each in self.missing]
        return sum(map(self.trained.count, wanted)), sum(len(each.names) for each in wanted)

    @property
    def attempts(self) -> int:
        """How often the job was tried: lost nodes and lost data are not held against it."""
        return max(1, self._retries.charged + (self.failure is None))

    @property
    def is_waiting(self) -> bool:
        """Whether it has a call that is to be tried again, only not yet."""
        return not self.has_ended and self._retries.are_waiting

    def next_call(self, segment: int) -> Call | None:
        """Return what can be run now: a shard, or the next ``segment`` outer steps if none is running; else `None`.

        Where pre-trained networks are not there that it needs, it is the training of some of them. A call that has failed waits
        for a while, and others go first.
        """
        if self.has_ended:
            return None
        if not self.is_measuring:
            if not self.trained.are_there(self._pool):
                return self._training(self._pool)
            return None if self.running or self._retries.must_wait(self._segment_key) else self._segment(segment)
        untrained = []
        for shard, inits in self.missing:
            if not self._is_due(shard):
                continue
            if not self.trained.are_there(self._networks(shard, inits)):
                untrained.append((shard, inits))
            elif not self._retries.must_wait(_shard_key(shard)):
                self.missing.remove((shard, inits))
                return self._shard(shard, inits)
        return next(filter(None, (self._training(self._networks(*each)) for each in untrained)), None)

    def _is_due(self, shard: Shard) -> bool:
        """Say whether there is the set that a shard measures, and no verdict to wait for."""
        if self.is_distilling:
            return self.rung is not None and shard.phase == rung_phase(self.rung)
        return is_rung(shard.phase) or shard.last <= self.look

    def pass_rung(self, rung: int) -> None:
        """Let the distillation go on past ``rung``."""
        self.rung_passed, self.snapshot, self.digest = rung, None, None

    def succeed(self, call: Call) -> None:
        """Take in a call that has ended well: what befell it before is over."""
        self._retries.succeed(self.key_of(call))

    def fail(self, completion: Completion) -> bool:
        """Take in a failed call; return whether it will be run again."""
        call = completion.call
        if isinstance(call.tag[1], Networks):
            self.trained.give_up(call.tag[1])
        last = self._retries.fail(self.key_of(call), completion)
        self.failure = self.failure or last
        if self.failure is not None:
            return False
        if isinstance(call.tag[1], Shard):
            self.missing.appendleft((call.tag[1], call.tag[2]))
        return True

    def key_of(self, call: Call) -> str:
        """Name a call among those of the job, whatever was tried before."""
        what = call.tag[1]
        if isinstance(what, Shard):
            return _shard_key(what)
        return _networks_key(what) if isinstance(what, Networks) else self._segment_key

    @property
    def _segment_key(self) -> str:
        return f"segment {self.outer_step}"

    def _call(self, function: str, arguments: Mapping[str, Any], what: Any, inits: Any = None) -> Call:
        """Return a call of one of our tasks, with what it needs after earlier attempts."""
        call = Call(f"orchestrator.tasks:{function}", arguments, (self, what, inits))
        return dataclasses.replace(call, needs=self._retries.needs(self.key_of(call), call.function))

    @cached_property
    def _retries(self) -> Retries:
        return Retries(f"{self.job.trial} {self.job.run}", self.clock)

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

    @cached_property
    def _none(self) -> Networks:
        return Networks(self.job.recipe, ())

    def _networks(self, shard: Shard, inits: list[int]) -> Networks:
        """Return the networks that a shard measures; the vote of neighbours is one without any."""
        if self.job.recipe.pretrained is None:
            return self._none
        trains = self.job.setting is None or self.job.setting.neighbours is None
        drawn = shard.way.recipe(self.job.recipe)
        recipe = drawn.with_network(shard.network) if trains else drawn
        wanted = trains and recipe.pretrained is not None
        return Networks(recipe, tuple(self._seeds[init] for init in inits) if wanted else ())

    def _training(self, wanted: Networks) -> Call | None:
        some = self.trained.begin(wanted)
        if some is None:
            return None
        if self._retries.must_wait(_networks_key(some)):
            self.trained.give_up(some)
            return None
        return self._call("train_networks", {"recipe": some.recipe.plain(), "seeds": list(some.seeds)}, some)

    @cached_property
    def gang(self) -> int:
        """How many run a segment together: each computes at least one chunk of the networks of an outer step."""
        return min(self.workers, self.job.recipe.chunks_per_step)

    def _segment(self, steps: int) -> Call:
        """Return the next ``steps`` outer steps, up to a rung at most; at a rung whose set is not at hand, the set alone."""
        recipe, rung = self.job.recipe, self.rung or self.hurdles.next_rung(self.outer_step)
        steps = steps if rung is None else min(steps, rung - self.outer_step)
        networks = self.trained.bundle(of_segment(recipe, self.outer_step, steps))
        arguments = {"recipe": self._recipe, "state": self.state, "steps": steps, "networks": networks}
        if self.outer_step + steps == rung:
            arguments["snapshot"] = True
        call = self._call("segment", arguments, None)
        if self.gang == 1 or steps == 0:
            return call
        owned = [of_segment(recipe, self.outer_step, steps, share) for share in worker_shares(recipe, self.gang)]
        return dataclasses.replace(call, shares=tuple({"networks": self.trained.bundle(own)} for own in owned))

    def _shard(self, shard: Shard, inits: list[int]) -> Call:
        setting = self.job.setting
        arguments: dict[str, Any] = {"recipe": self._recipe, "split": shard.split}
        if setting is not None:
            arguments |= {"source": setting.source, "draw": shard.draw}
        if setting is not None and setting.neighbours is not None:
            arguments |= {"neighbours": setting.neighbours, "norm": setting.norm}
            return self._call("evaluate_neighbours", arguments, shard, inits)
        arguments |= {
            "seeds": [self._seeds[init] for init in inits],
            "network": shard.network,
            "networks": self.trained.bundle(self._networks(shard, inits)),
        }
        if known := self.chunks.of(shard.network):
            arguments["chunks"] = known
        if self.job.full:
            return self._call("evaluate_trained", arguments, shard, inits)
        # What networks were before training is of interest beside the final figures; a search would ask it of the same networks
        # in every trial.
        arguments |= {"before": shard.split == "test", **shard.way.arguments()}
        if setting is None:
            made = self.snapshot if self.is_distilling else self.distilled
            return self._call("evaluate_distilled", arguments | {"distilled": made}, shard, inits)
        return self._call("evaluate_baseline", arguments | {"rate": setting.rate}, shard, inits)


def _shard_key(shard: Shard) -> str:
    return f"shard {' '.join(map(str, shard.series))} {shard.first}"


def _networks_key(networks: Networks) -> str:
    return f"networks {networks.names[0]}"

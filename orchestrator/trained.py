"""The trained networks of a run as its driver knows them: which are there, which are being trained, and the bytes that tasks get.

A network is there when its file is in the run's folder. One that another run has left in the user's cache is copied from there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from distiller import network_cache
from distiller.drawing import network_seeds, pool_seeds
from distiller.network_files import bundle, name_of, read_network
from distiller.pretrain import networks_at_once
from distiller.recipe import Recipe
from orchestrator.storage import Storage

__all__ = ["Networks", "TrainedNetworks", "of_segment"]

_KEPT = 512 * 2**20
"""Bytes of bundles that the driver holds for the next task that asks for the same networks."""


@dataclass(frozen=True)
class Networks:
    """Networks of a recipe, by their seeds; nothing has to be trained for a recipe without pre-training."""

    recipe: Recipe
    seeds: tuple[int, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of their files."""
        if self.recipe.pretrained is None:
            return ()
        return tuple(name_of(self.recipe, seed) for seed in self.seeds)


class TrainedNetworks:
    """The networks of one run, whose jobs share them. With ``read_only`` those of its folder are all there are."""

    def __init__(self, storage: Storage, read_only: bool = False) -> None:
        self._storage, self._read_only = storage, read_only
        self._there: set[str] = set()
        self._training: set[str] = set()
        self._absent: set[str] = set()
        """Names without a file, as far as was looked; only this driver adds files."""
        self._bundles: OrderedDict[tuple[str, ...], bytes] = OrderedDict()

    def are_there(self, networks: Networks) -> bool:
        """Say whether none of them has to be trained any more."""
        return self._there.issuperset(networks.names) or not self._missing(networks)

    def count(self, networks: Networks) -> int:
        """Return how many of them are known to be there; looks at no file."""
        return len(self._there.intersection(networks.names))

    def begin(self, networks: Networks) -> Networks | None:
        """Return some of them for one task to train, `None` where all are there or under way; they are then under way."""
        free = [seed for seed, name in self._missing(networks) if name not in self._training]
        if not free:
            return None
        some = Networks(networks.recipe, tuple(free[: networks_at_once(networks.recipe)]))
        self._training.update(some.names)
        return some

    def take(self, networks: Networks, files: Sequence[bytes]) -> None:
        """Publish what a task has trained, in the run's folder and in the user's cache."""
        for seed, name, payload in zip(networks.seeds, networks.names, files, strict=True):
            self._storage.write_network(name, payload)
            network_cache.keep(networks.recipe, seed, payload)
            self._there.add(name)
        self.give_up(networks)

    def give_up(self, networks: Networks) -> None:
        """Let another task train them, where they are not there."""
        self._training.difference_update(networks.names)

    def bundle(self, networks: Networks) -> bytes | None:
        """Return the networks, which have to be there, as a task's argument; `None` where nothing is pre-trained."""
        names = networks.names
        if not names:
            return None
        if names not in self._bundles:
            files = (
                (seed, name, self._storage.read_network(name)) for seed, name in zip(networks.seeds, names, strict=True)
            )
            self._bundles[names] = bundle({seed: read_network(payload, name) for seed, name, payload in files})
        self._bundles.move_to_end(names)
        while len(self._bundles) > 1 and sum(map(len, self._bundles.values())) > _KEPT:
            self._bundles.popitem(last=False)
        return self._bundles[names]

    def _missing(self, networks: Networks) -> list[tuple[int, str]]:
        """Return the seed and the name of each that has to be trained."""
        pairs = zip(networks.seeds, networks.names, strict=True) if networks.names else ()
        return [(seed, name) for seed, name in pairs if not self._is_there(networks.recipe, seed, name)]

    def _is_there(self, recipe: Recipe, seed: int, name: str) -> bool:
        if name in self._there:
            return True
        if name in self._training or name in self._absent:
            return False
        if not self._storage.has_network(name):
            payload = None if self._read_only else network_cache.cached(recipe, seed)
            if payload is None:
                self._absent.add(name)
                return False
            self._storage.write_network(name, payload)
        self._there.add(name)
        return True


def of_segment(recipe: Recipe, outer_step: int, steps: int, share: slice = slice(None)) -> Networks:
    """Return the networks of some outer steps: just these where they are few, the pool where they are at least half of it.

    The whole pool is the same bytes for every segment of every trial, and stored once. Of a worker with a ``share`` in each
    step they are those of its share, unless all are measured on the way.
    """
    pool = pool_seeds(recipe)
    if not pool or recipe.checkpoint is not None:
        return Networks(recipe, tuple(pool))
    last = min(outer_step + steps, recipe.outer_steps)
    drawn = {seed for step in range(outer_step, last) for seed in network_seeds(recipe, step)[share]}
    few = 2 * len(drawn) < len(pool) or recipe.init == "fixed"
    return Networks(recipe, tuple(seed for seed in pool if seed in drawn) if few else tuple(pool))

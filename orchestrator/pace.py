"""How long work takes: what decides the length of a segment, and the time that is left."""

from __future__ import annotations

__all__ = ["Pace"]

_FIRST_SEGMENT = 10  # outer steps, before anything is known of their cost
_SEGMENT_SECONDS = 15.0  # what a crash costs a distillation at most; a task's own cost is a few milliseconds


class Pace:
    """Running means of the cost of an outer step, of a network, and of one on a whole data set, in seconds of one slot."""

    def __init__(self, segment: int | None = None) -> None:
        """Start with nothing known; ``segment`` fixes the outer steps of a segment, which changes no result."""
        self._fixed = segment
        self._steps, self._step_seconds, self._workers = 0, 0.0, 1
        self._networks, self._network_seconds = 0, 0.0
        self._trained, self._trained_seconds = 0, 0.0

    def learn(self, steps: int, seconds: float, workers: int = 1) -> None:
        """Take in a segment, which took so many ``seconds`` of each of its ``workers``."""
        self._steps, self._step_seconds = self._steps + steps, self._step_seconds + seconds
        self._workers = workers

    def learn_networks(self, networks: int, seconds: float) -> None:
        """Take in a shard."""
        self._networks, self._network_seconds = self._networks + networks, self._network_seconds + seconds

    def learn_training(self, networks: int, seconds: float) -> None:
        """Take in networks that were trained on a whole data set."""
        self._trained, self._trained_seconds = self._trained + networks, self._trained_seconds + seconds

    @property
    def segment(self) -> int:
        """Outer steps of the next segment: some `_SEGMENT_SECONDS` of work."""
        if self._fixed is not None:
            return self._fixed
        if not self._steps or not self._step_seconds:
            return _FIRST_SEGMENT
        return max(1, round(_SEGMENT_SECONDS * self._steps / self._step_seconds))

    def seconds(self, steps: int, networks: int, untrained: int = 0) -> float | None:
        """Return the slot-seconds that ``steps`` outer steps and ``networks`` evaluations take; `None` where not known yet.

        ``untrained`` networks have to be trained on a whole data set before.
        """
        if (not self._steps and (steps or not self._networks)) or (untrained and not self._trained):
            return None
        by_training = self._trained_seconds / self._trained if untrained else 0.0
        by_step = self._workers * self._step_seconds / self._steps if self._steps else 0.0
        # Before the first evaluation: about what a few outer steps cost.
        by_network = self._network_seconds / self._networks if self._networks else 3 * by_step
        return steps * by_step + networks * by_network + untrained * by_training

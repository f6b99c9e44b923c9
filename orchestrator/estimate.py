"""A mean of accuracies with both of its spreads: over networks, and over what they were trained on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Estimate", "estimate", "standard_deviation"]


@dataclass(frozen=True)
class Estimate:
    """The mean of the groups' means, a group being the networks that were trained on one distilled set (or one baseline's draw).

    ``n`` counts networks, ``groups`` groups. ``sd_networks`` is the standard deviation within a group, pooled over groups;
    ``sd_groups`` that of the groups' means; each is `None` where one value is all there is. ``se`` is the standard error of the
    mean: from the groups' means where there are several, for networks of one group share their set; else from the networks.
    """

    mean: float
    n: int
    groups: int
    sd_networks: float | None
    sd_groups: float | None
    se: float | None


def estimate(groups: Sequence[Sequence[float]]) -> Estimate | None:
    """Return the estimate from the accuracies of each group, `None` where there are none; empty groups do not count."""
    groups = [group for group in groups if group]
    if not groups:
        return None
    means = [_mean(group) for group in groups]
    n = sum(len(group) for group in groups)
    sd_networks, sd_groups = _pooled_sd(groups), standard_deviation(means)
    sd, count = (sd_networks, n) if len(groups) == 1 else (sd_groups, len(groups))
    se = None if sd is None else sd / math.sqrt(count)
    return Estimate(_mean(means), n, len(groups), sd_networks, sd_groups, se)


def standard_deviation(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation (divisor n - 1), `None` for fewer than two values."""
    return _pooled_sd([values])


def _pooled_sd(groups: Sequence[Sequence[float]]) -> float | None:
    freedom = sum(len(group) - 1 for group in groups if group)
    if freedom == 0:
        return None
    centred = [(group, _mean(group)) for group in groups if group]
    return math.sqrt(math.fsum((value - mean) ** 2 for group, mean in centred for value in group) / freedom)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)

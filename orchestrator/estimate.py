"""A mean of accuracies with both of its spreads: over networks, and over what they were trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Estimate", "estimate", "standard_deviation"]

Group = Mapping[int, float]
"""Accuracies of networks that were trained on one distilled set, or on one baseline's draw, by the initialisation's seed."""


@dataclass(frozen=True)
class Estimate:
    """The mean of the groups' means; a group is what was trained on one set.

    ``n`` counts networks, ``groups`` groups. ``sd_networks`` is the standard deviation within a group, pooled over groups;
    ``sd_groups`` that of the groups' means; each is `None` where one value is all there is. ``se`` is the standard error of the
    mean, `None` for a single value; see `estimate`.
    """

    mean: float
    n: int
    groups: int
    sd_networks: float | None
    sd_groups: float | None
    se: float | None


def estimate(groups: Sequence[Group]) -> Estimate | None:
    """Return the estimate from the accuracies of each group, `None` where there are none; empty groups do not count.

    Networks of a group share their set, and runs of one trial share their initialisations, so neither n networks nor G runs are
    independent values. The variance of the mean is that of the groups' means over G; where initialisations recur in several
    groups, that of the initialisations' means over their number is added, and what both hold, the residual's, is taken off
    once: the two-way analysis of variance with random effects and one value a cell.
    """
    groups = [group for group in groups if group]
    if not groups:
        return None
    means = [_mean(list(group.values())) for group in groups]
    variance = _variance_of_mean(groups, means)
    return Estimate(
        mean=_mean(means),
        n=sum(len(group) for group in groups),
        groups=len(groups),
        sd_networks=_root(_pooled_variance([list(group.values()) for group in groups])),
        sd_groups=standard_deviation(means),
        se=_root(variance),
    )


def standard_deviation(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation (divisor n - 1), `None` for fewer than two values."""
    return _root(_pooled_variance([values]))


def _variance_of_mean(groups: Sequence[Group], means: Sequence[float]) -> float | None:
    seeds = sorted(set().union(*groups))
    by_seed = [[group[seed] for group in groups if seed in group] for seed in seeds]
    of_groups = _over(_pooled_variance([means]), len(groups))
    if len(groups) > 1 and all(len(values) == 1 for values in by_seed):
        return of_groups
    of_seeds = _over(_pooled_variance([[_mean(values) for values in by_seed]]), len(seeds))
    if of_groups is None or of_seeds is None:
        # One set: the networks are all there is. One network, as with a fixed initialisation: so are the sets.
        return of_seeds if of_groups is None else of_groups
    residual = _residual_variance(groups, means, seeds) / (len(groups) * len(seeds))
    return max(of_groups, of_seeds, of_groups + of_seeds - residual)


def _residual_variance(groups: Sequence[Group], means: Sequence[float], seeds: Sequence[int]) -> float:
    """Return the variance that neither the group nor the initialisation explains; 0, which is careful, where some are missing."""
    if any(len(group) < len(seeds) for group in groups):
        return 0.0
    mean = _mean(means)
    explained = {seed: _mean([group[seed] for group in groups]) - mean for seed in seeds}
    squares = (
        (group[seed] - own - explained[seed]) ** 2 for group, own in zip(groups, means, strict=True) for seed in seeds
    )
    return math.fsum(squares) / ((len(groups) - 1) * (len(seeds) - 1))


def _pooled_variance(groups: Sequence[Sequence[float]]) -> float | None:
    freedom = sum(len(group) - 1 for group in groups if group)
    if freedom == 0:
        return None
    centred = [(group, _mean(group)) for group in groups if group]
    return math.fsum((value - mean) ** 2 for group, mean in centred for value in group) / freedom


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _over(variance: float | None, count: int) -> float | None:
    return None if variance is None else variance / count


def _root(variance: float | None) -> float | None:
    return None if variance is None else math.sqrt(variance)

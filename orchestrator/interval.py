"""How sure a mean is: its 95 % interval by Student's t."""

from __future__ import annotations

import math

from orchestrator.estimate import Estimate

__all__ = ["CONFIDENCE", "difference_interval", "interval", "student_t"]

CONFIDENCE = 0.95


def student_t(freedom: float) -> float:
    """Return how many standard errors a 95 % interval reaches to each side, at so many degrees of freedom; NaN below 1."""
    from scipy.special import stdtrit

    # At infinitely many it is the normal distribution, for which scipy wants a finite number.
    return float(stdtrit(min(freedom, 1e9), (1 + CONFIDENCE) / 2)) if freedom >= 1 else float("nan")


def interval(estimate: Estimate | None) -> tuple[float, float] | None:
    """Return the 95 % interval of an estimate's mean, `None` where its error is not known.

    Its degrees of freedom are those of distillation runs, or of draws, where there are several; else of networks.
    """
    if estimate is None or estimate.se is None:
        return None
    half = estimate.se * student_t((estimate.groups if estimate.groups > 1 else estimate.n) - 1)
    return estimate.mean - half, estimate.mean + half


def difference_interval(one: Estimate, other: Estimate) -> tuple[float, float] | None:
    """Return the 95 % interval of the first mean minus the second, of two that share no network: by Welch (1947)."""
    if one.se is None or other.se is None:
        return None
    variances = [each.se**2 for each in (one, other) if each.se is not None]
    freedoms = [(each.groups if each.groups > 1 else each.n) - 1 for each in (one, other)]
    total = sum(variances)
    shares = sum(variance**2 / freedom for variance, freedom in zip(variances, freedoms, strict=True))
    half = math.sqrt(total) * student_t(total**2 / shares if shares else math.inf)
    return one.mean - other.mean - half, one.mean - other.mean + half

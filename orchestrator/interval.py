"""How sure a mean is: its 95 % interval by Student's t."""

from __future__ import annotations

from orchestrator.estimate import Estimate

__all__ = ["CONFIDENCE", "interval", "student_t"]

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

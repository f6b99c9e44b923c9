"""How numbers look on a screen: fractions as percentages, what was not measured as a dash, seconds as a clock."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeGuard

__all__ = ["chosen", "clock", "count", "mean_sd", "number", "percent", "percents", "point_range", "points", "tally"]


def percent(fraction: float | None) -> str:
    """Show a fraction of 1 as a percentage with two decimals and no sign: ``92.31``."""
    return f"{100 * fraction:.2f}" if _known(fraction) else "-"


def mean_sd(mean: float | None, sd: float | None) -> str:
    """Show a mean of fractions and its standard deviation as percentages: ``92.31 ± 1.20``, or ``92.31 ± -`` for one value."""
    return f"{percent(mean)} ± {percent(sd)}" if _known(mean) else "-"


def points(difference: float | None) -> str:
    """Show a difference of two fractions in percentage points, always with its sign: ``+0.58``."""
    return f"{100 * difference:+.2f}" if _known(difference) else "-"


def percents(bounds: tuple[float, float] | None) -> str:
    """Show an interval of fractions as percentages: ``91.20 to 93.42``."""
    return "-" if bounds is None else f"{percent(bounds[0])} to {percent(bounds[1])}"


def point_range(bounds: tuple[float, float] | None) -> str:
    """Show an interval of differences in percentage points: ``-0.10 to +1.26``."""
    return "-" if bounds is None else f"{points(bounds[0])} to {points(bounds[1])}"


def number(value: object) -> str:
    """Show a parameter's value: numbers with four significant digits, whole ones and words as they are."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else str(value)


def chosen(params: Mapping[str, object] | None) -> str:
    """Show parameters by name: ``steps=3, outer_lr=0.01``."""
    given = {name: value for name, value in (params or {}).items() if value is not None}
    return ", ".join(f"{name}={number(value)}" for name, value in given.items()) or "-"


def count(amount: int, noun: str) -> str:
    """Show an amount with its noun: ``1 trial``, ``2,000 trials``."""
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"


def clock(seconds: float | None) -> str:
    """Show seconds as ``h:mm:ss``, from a day on as ``2 d 3:04:05``."""
    if not _known(seconds):
        return "-"
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return (f"{days} d " if days else "") + f"{hours}:{minutes:02d}:{rest:02d}"


def tally(counts: Mapping[str, int]) -> str:
    """Show counts by name, those of zero left out: ``11 complete, 1 diverged``."""
    return ", ".join(f"{counts[name]:,} {name}" for name in counts if counts[name])


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)

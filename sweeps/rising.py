"""Lists of numbers that rise, as a sweep's schema takes them."""

from __future__ import annotations

import math
from itertools import pairwise

from pydantic import AfterValidator

__all__ = ["Rising"]


def _rising(values: tuple[float, ...]) -> tuple[float, ...]:
    if any(not math.isfinite(value) for value in values) or any(b <= a for a, b in pairwise(values)):
        raise ValueError("not rising")
    return values


Rising = AfterValidator(_rising)
"""Refuse a tuple of numbers that does not rise from each to the next."""

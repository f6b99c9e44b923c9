"""How far behind a trial has to be for the race to stop it: found by simulation, so that the best of a search is seldom lost.

The risk is that of one trial which is truly the best of its search: over fresh initialisations none has a higher mean accuracy.
At each look but the last it is compared with the incumbent: of ``rivals`` trials the one with the best mean over all
initialisations of the last look, the very ones that both are compared on. Being the best of many, the incumbent was lucky there,
and the more so the more there were. The simulation holds the worst case: every rival is exactly as good as the best trial, all
are independent but for what pairing takes away, and accuracies are skewed against it, the rivals' towards low ones (1 - E, E
standard exponential) and its own towards high ones (E - 1), so that at a first look the rivals' failures and its own successes
are likely not seen yet. Trials of one shape, whichever it is, are then lost less often than stated; see docs/racing.md.

A mean of exponentials is a gamma variable, and independent of the exponentials over their sum (Lukacs 1955). So the best of any
number of rivals is one draw: the sum by the least of that many gammas (Wilson and Hilferty 1931), the rest as it is.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["evidence_of", "threshold"]

_SEARCHES = 20_000  # simulated; a risk of 5 % is then met to 0.15 %
_MOST_NETWORKS = 10_000_000  # simulated for one schedule of looks
_SEED = 20251120

_Array = NDArray[np.float64]


class _Sums(NamedTuple):
    """Over the initialisations of a look, of each simulated search: sums of the rival's e and own b, exponentials both."""

    e: _Array
    ee: _Array
    b: _Array
    bb: _Array
    eb: _Array


@functools.lru_cache(maxsize=256)
def threshold(looks: tuple[int, ...], risk: float, rivals: int) -> float:
    """Return the evidence from which on a trial is stopped, the same at each of ``looks`` but the last.

    ``rivals`` counts the trials that the incumbent is the best of; it is rounded up to a power of two, and the threshold to a
    hundredth, so that no last digit of a logarithm decides. The ``risk`` is that of one trial, over all its looks.
    """
    return math.ceil(100 * float(np.quantile(_most_evidence(looks, _power_of_two(rivals)), 1 - risk))) / 100


def evidence_of(mean: Any, variance: Any, n: int) -> Any:
    """Return how surprising a ``mean`` of ``n`` paired differences is, as a standard normal deviate.

    It is Student's t in the normal's measure (Wallace 1959), so that one threshold serves looks of every size.
    """
    freedom = n - 1
    t = mean / np.sqrt(variance / n)
    return np.sign(t) * np.sqrt(freedom * np.log1p(t * t / freedom)) * ((8 * freedom + 1) / (8 * freedom + 3))


def _most_evidence(looks: tuple[int, ...], rivals: int) -> _Array:
    """Return the most evidence that each simulated search has at any look but the last against the best trial."""
    sums, uniform = _simulated(looks)
    last, n = sums[-1], looks[-1]
    scale = _least_gamma(uniform, rivals, n) / last.e
    spread = scale**2 * (last.ee - last.e**2 / n) / (n - 1)
    most = np.full(len(uniform), -np.inf)
    for look, at in zip(looks[:-1], sums[:-1], strict=True):
        # The difference is (1 - scale e) - (b - 1).
        taken = scale * at.e + at.b
        variance = (scale**2 * at.ee + 2 * scale * at.eb + at.bb - taken**2 / look) / (look - 1)
        np.maximum(most, evidence_of((2 * look - taken) / look, np.maximum(variance, spread), look), out=most)
    return most


@functools.lru_cache(maxsize=2)
def _simulated(looks: tuple[int, ...]) -> tuple[list[_Sums], _Array]:
    """Draw the searches. RandomState's streams are the same in every version of numpy, which a Generator's are not."""
    random = np.random.RandomState(_SEED)
    searches = max(1000, min(_SEARCHES, _MOST_NETWORKS // looks[-1]))
    so_far, sums = _Sums(*np.zeros((5, searches))), []
    first = 0
    for look in looks:
        for networks in _blocks(look - first):
            e, b = random.standard_exponential((2, searches, networks))
            added = (e.sum(1), (e * e).sum(1), b.sum(1), (b * b).sum(1), (e * b).sum(1))
            so_far = _Sums(*(whole + part for whole, part in zip(so_far, added, strict=True)))
        sums.append(so_far)
        first = look
    return sums, random.random_sample(searches)


def _blocks(networks: int, size: int = 64) -> Iterator[int]:
    for first in range(0, networks, size):
        yield min(size, networks - first)


def _least_gamma(uniform: _Array, rivals: int, n: int) -> _Array:
    """Return the least of ``rivals`` gamma variables of shape ``n``, by a uniform number each."""
    normal = NormalDist()
    below = np.clip(1 - uniform ** (1 / rivals), 1e-15, 1 - 1e-15)
    deviate = np.array([normal.inv_cdf(float(each)) for each in below])
    cube: _Array = n * (1 - 1 / (9 * n) + deviate / (3 * math.sqrt(n))) ** 3
    return cube


def _power_of_two(rivals: int) -> int:
    return 1 << max(0, rivals - 1).bit_length()

"""An axis of a plot: where a value lies along it, and at which values it is ticked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Axis", "axis_over", "names_axis"]

_MOST_TICKS = 6
_MARGIN = 0.05  # of the data's range, left free on both sides


@dataclass(frozen=True)
class Axis:
    """From ``low`` to ``high``, in logarithms where ``log``; ``names`` stand at 0, 1, 2, ... of an axis of words."""

    label: str
    low: float
    high: float
    log: bool = False
    whole: bool = False
    names: tuple[str, ...] = ()

    def at(self, value: float) -> float:
        """Return where ``value`` lies, 0 at the low end and 1 at the high one; what lies beyond is drawn at the end."""
        low, high, here = (self._scale(x) for x in (self.low, self.high, value))
        return min(1.0, max(0.0, (here - low) / (high - low)))

    def back(self, share: float) -> float:
        """Return the value at ``share`` of the way from the low end."""
        low, high = self._scale(self.low), self._scale(self.high)
        value = low + share * (high - low)
        return 10**value if self.log else value

    def ticks(self) -> list[tuple[float, str]]:
        """Return the values to mark, with what is written there."""
        if self.names:
            return [(float(place), name) for place, name in enumerate(self.names)]
        values = _log_ticks(self.low, self.high) if self.log else _ticks(self.low, self.high, self.whole)
        return [(value, _shown(value)) for value in values]

    def _scale(self, value: float) -> float:
        return math.log10(max(value, 1e-300)) if self.log else value


def axis_over(
    label: str, values: Iterable[float], *, log: bool = False, whole: bool = False, zero: bool = False
) -> Axis:
    """Return an axis that holds ``values`` with some room; from 0 on where ``zero``. Values that are not finite do not count.

    It is linear where not all values are above 0, whatever ``log`` says.
    """
    found = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(found), max(found)
    if log and low > 0:
        ratio = max((high / low) ** _MARGIN, 1.1)
        return Axis(label, low / ratio, high * ratio, log=True)
    room = _MARGIN * (high - low) or max(abs(high) * _MARGIN, 0.5 if whole else 1e-9)
    return Axis(label, 0.0 if zero and low >= 0 else low - room, high + room, whole=whole)


def names_axis(label: str, names: Sequence[str]) -> Axis:
    """Return an axis of words, each at its number."""
    return Axis(label, -0.5, len(names) - 0.5, names=tuple(names))


def _ticks(low: float, high: float, whole: bool) -> list[float]:
    """Return round values from ``low`` to ``high``: multiples of 1, 2 or 5 times a power of ten."""
    step = 10.0 ** math.floor(math.log10((high - low) / _MOST_TICKS))
    step = next(step * factor for factor in (1, 2, 5, 10, 20) if (high - low) / (step * factor) <= _MOST_TICKS)
    step = max(step, 1.0) if whole else step
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """Return powers of ten, or with 2 and 5 times these where there are few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)):
        ticks = [factor * 10.0**power for power in powers for factor in factors]
        inside = [tick for tick in ticks if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
        if len(inside) >= 3:
            break
    if len(inside) < 2:
        return _ticks(low, high, whole=False)
    return inside[:: math.ceil(len(inside) / _MOST_TICKS)]


def _shown(value: float) -> str:
    rounded = float(f"{value:.6g}")
    if rounded and not 1e-3 <= abs(rounded) < 1e6:
        mantissa, _, exponent = f"{rounded:.1e}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    return f"{rounded:,.0f}" if abs(rounded) >= 10_000 else f"{rounded:,.6g}"

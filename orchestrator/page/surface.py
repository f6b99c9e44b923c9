"""Fill the room between trials: a linear interpolation over two searched keys, as cells of a grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["surface"]

_ACROSS, _DOWN = 48, 32


def surface(points: Sequence[tuple[float, float, float]]) -> list[list[float | None]] | None:
    """Return cells, rows from the top, 0 for the lowest value and 1 for the highest; `None` outside the points' hull.

    Points are (across, up, value) with the first two in 0 .. 1. `None` for all where they span no area, or values are equal.
    """
    from scipy.interpolate import griddata
    from scipy.spatial import QhullError

    table = np.array(points, dtype=float)
    values = table[:, 2]
    if np.ptp(values) == 0:
        return None
    x, y = np.meshgrid((np.arange(_ACROSS) + 0.5) / _ACROSS, 1 - (np.arange(_DOWN) + 0.5) / _DOWN)
    try:
        between = griddata(table[:, :2], (values - values.min()) / np.ptp(values), (x, y), method="linear")
    except (QhullError, ValueError):
        return None
    return [[None if np.isnan(value) else float(value) for value in row] for row in between]

"""Draw plots as inline SVG: in the page's own colours, light or dark, and sharp at any width.

Marks have classes and no colours; the page's style sheet says what these look like. A mark that has a title shows it to a pointer
and to a screen reader.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from orchestrator.page.axis import Axis

__all__ = ["HEIGHT", "WIDTH", "Plot"]

WIDTH, HEIGHT = 400, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 12, 10, 40
_LEFT_OF_NAMES = 104
_BESIDE_TICKS = 26  # what the axis's label takes, and the room around a tick
_LETTER = 6.2  # the width that a letter of a tick may have
_MANY_DOTS = 200  # are smaller, and let others be seen through them


class Plot:
    """A plot of two axes; marks are drawn in the order of the calls. ``about`` is what a screen reader says of it.

    A vertical axis of words stands further in, for these to have room.
    """

    def __init__(self, x: Axis, y: Axis, about: str, height: int = HEIGHT) -> None:
        self._x, self._y, self._about, self._height = x, y, about, height
        longest = max((len(name) for _, name in y.ticks()), default=0)
        self._left = _LEFT_OF_NAMES if y.names else max(_LEFT, round(_BESIDE_TICKS + _LETTER * longest))
        self._marks: list[Markup] = []

    def line(self, points: Iterable[tuple[float, float]], kind: str = "one") -> None:
        """Draw a line through ``points``, broken where a value is not finite."""
        path, pen = [], "M"
        for x, y in points:
            if math.isfinite(x) and math.isfinite(y):
                path.append(f"{pen}{self._across(x):.1f} {self._up(y):.1f}")
                pen = "L"
            else:
                pen = "M"
        self._marks.append(Markup('<path class="line {}" d="{}"/>').format(kind, "".join(path)))

    def dot(self, x: float, y: float, title: str, kind: str = "one") -> None:
        """Draw a dot."""
        place = (f"{self._across(x):.1f}", f"{self._up(y):.1f}")
        mark = Markup('<circle class="dot {}" cx="{}" cy="{}"><title>{}</title></circle>')
        self._marks.append(mark.format(kind, *place, title))

    def whisker(self, x: float, low: float, high: float, kind: str = "one") -> None:
        """Draw an interval of the vertical axis."""
        path = f"M{self._across(x):.1f} {self._up(low):.1f}V{self._up(high):.1f}"
        self._marks.append(Markup('<path class="whisker {}" d="{}"/>').format(kind, path))

    def span(self, y: float, low: float, high: float, kind: str = "one") -> None:
        """Draw an interval of the horizontal axis."""
        path = f"M{self._across(low):.1f} {self._up(y):.1f}H{self._across(high):.1f}"
        self._marks.append(Markup('<path class="whisker {}" d="{}"/>').format(kind, path))

    def bar(self, low: float, high: float, top: float, title: str, kind: str = "one") -> None:
        """Draw a bar from the foot of the plot to ``top``, between two values of the horizontal axis."""
        left, right = self._across(low), self._across(high)
        place = (f"{left:.1f}", f"{self._up(top):.1f}", f"{max(0.5, right - left - 1):.1f}")
        tall = f"{max(0.0, self._height - _BOTTOM - self._up(top)):.1f}"
        mark = Markup('<rect class="bar {}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>')
        self._marks.append(mark.format(kind, *place, tall, title))

    def cells(self, shares: Sequence[Sequence[float | None]], kind: str = "one") -> None:
        """Fill the plot with a grid of cells, rows from the top; each as strong as its share, 0 to 1, or left empty."""
        wide, tall = WIDTH - self._left - _RIGHT, self._height - _TOP - _BOTTOM
        grid = Markup('<g transform="translate({} {}) scale({:.4f} {:.4f})">{}</g>')
        cell = (wide / max(1, len(shares[0])), tall / len(shares))
        self._marks.append(grid.format(self._left, _TOP, *cell, cell_paths(shares, kind)))

    def mark(self, value: float, title: str, kind: str = "mark") -> None:
        """Draw an upright line at ``value`` of the horizontal axis."""
        path = f"M{self._across(value):.1f} {_TOP}V{self._height - _BOTTOM}"
        self._marks.append(Markup('<path class="{}" d="{}"><title>{}</title></path>').format(kind, path, title))

    def level(self, value: float, title: str, kind: str = "mark") -> None:
        """Draw a level line at ``value`` of the vertical axis."""
        path = f"M{self._left} {self._up(value):.1f}H{WIDTH - _RIGHT}"
        self._marks.append(Markup('<path class="{}" d="{}"><title>{}</title></path>').format(kind, path, title))

    def svg(self) -> Markup:
        """Return the drawing."""
        parts = [*self._frame(), *self._marks]
        dots = sum(mark.startswith("<circle") for mark in self._marks)
        kind = "plot many" if dots > _MANY_DOTS else "plot"
        head = Markup('<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">')
        return head.format(kind, WIDTH, self._height, self._about) + Markup("").join(parts) + Markup("</svg>")

    def _across(self, value: float) -> float:
        return self._left + self._x.at(value) * (WIDTH - self._left - _RIGHT)

    def _up(self, value: float) -> float:
        foot = self._height - _BOTTOM
        return foot - self._y.at(value) * (foot - _TOP)

    def _frame(self) -> list[Markup]:
        """Return grid lines, ticks and the axes' labels."""
        foot, left = self._height - _BOTTOM, self._left
        parts = []
        for value, name in self._y.ticks():
            up = self._up(value)
            parts.append(Markup('<path class="grid" d="M{} {:.1f}H{}"/>').format(left, up, WIDTH - _RIGHT))
            parts.append(_text(left - 6, up + 3.5, _cut(name, left - 6), "end"))
        parts.append(Markup('<path class="axis" d="M{} {}H{}"/>').format(left, foot, WIDTH - _RIGHT))
        ticks = self._x.ticks()
        for value, name in ticks:
            short = _cut(name, (WIDTH - left - _RIGHT) / len(ticks)) if self._x.names else name
            parts.append(_text(self._across(value), foot + 14, short, "middle"))
        parts.append(_text((left + WIDTH - _RIGHT) / 2, self._height - 6, self._x.label, "middle", "label"))
        turned = Markup(
            '<text class="label" text-anchor="middle" transform="translate(11 {:.1f}) rotate(-90)">{}</text>'
        )
        return [*parts, turned.format((_TOP + foot) / 2, self._y.label)] if self._y.label else parts


def cell_paths(shares: Sequence[Sequence[float | None]], kind: str, levels: int = 16) -> Markup:
    """Return unit squares as one path for each level of strength, which takes a tenth of the room that an element each takes."""
    squares: dict[int, list[str]] = {}
    for row, values in enumerate(shares):
        for column, share in enumerate(values):
            level = 0 if share is None or not math.isfinite(share) else round(levels * min(1.0, max(0.0, share)))
            if level:
                squares.setdefault(level, []).append(f"M{column} {row}h1v1h-1z")
    path = Markup('<path class="cell {}" fill-opacity="{:.3f}" d="{}"/>')
    return Markup("").join(
        path.format(kind, level / levels, "".join(found)) for level, found in sorted(squares.items())
    )


def _cut(name: str, room: float) -> str:
    """Return a name that fits into so many pixels."""
    longest = max(2, int(room / _LETTER))
    return name if len(name) <= longest else name[: longest - 1] + "…"


def _text(x: float, y: float, words: str, anchor: str, kind: str = "tick") -> Markup:
    mark = Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    return mark.format(kind, x, y, anchor, words)

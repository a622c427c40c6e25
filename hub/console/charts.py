"""Small charts as SVG, drawn without a script and coloured by the style's classes. The table of the same numbers stands
beside each: a chart is never the only place where a number is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup, escape

WIDTH, HEIGHT = 640, 190
_LEFT, _BOTTOM, _TOP = 52, 26, 8
_LINES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar: its parts from below, each with the class that colours it; its label under the axis where there is room."""

    label: str
    parts: Sequence[tuple[Decimal, str]]
    title: str = ""

    @property
    def total(self) -> Decimal:
        """How high the bar is."""
        return sum((value for value, _ in self.parts), Decimal(0))


def bars(rows: Sequence[Bar], title: str) -> Markup:
    """Stacked bars from zero, with lines to read them by."""
    top = _round_up(max((bar.total for bar in rows), default=Decimal(0)))
    step = (WIDTH - _LEFT) / max(len(rows), 1)
    drawn = [_grid(top)]
    every = max(1, len(rows) // 8)
    for place, bar in enumerate(rows):
        drawn.append(_bar(bar, _LEFT + place * step, max(step * 0.76, 1), top))
        if place % every == 0:
            x = _LEFT + place * step + step * 0.38
            drawn.append(
                f'<text class="axis" x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(bar.label)}</text>'
            )
    return Markup(  # noqa: S704 - every part that comes from outside is escaped above
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(drawn)}</svg>'
    )


def _bar(bar: Bar, x: float, width: float, top: Decimal) -> str:
    drawn, y = [], float(HEIGHT - _BOTTOM)
    for value, kind in bar.parts:
        height = float(value / top) * (HEIGHT - _BOTTOM - _TOP)
        y -= height
        drawn.append(
            f'<rect class="{escape(kind)}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
        )
    return f"<g><title>{escape(bar.title or bar.label)}</title>{''.join(drawn)}</g>"


def _grid(top: Decimal) -> str:
    drawn = []
    for line in range(_LINES + 1):
        y = HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * line / _LINES
        drawn.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        said = _short(top * line / _LINES)
        drawn.append(f'<text class="axis" x="{_LEFT - 6}" y="{y + 3:.1f}" text-anchor="end">{said}</text>')
    return "".join(drawn)


def _round_up(value: Decimal) -> Decimal:
    """The next number that begins with 1, 2, 4 or 8 and ends in zeros."""
    if value <= 0:
        return Decimal(1)
    power = Decimal(10) ** (value.adjusted())
    return next(power * step for step in (1, 2, 4, 8, 10) if power * step >= value)


def _short(value: Decimal) -> str:
    if value >= 1_000_000:
        return f"{value / 1_000_000:.1f}m"
    return f"{value / 1000:.1f}k" if value >= 1000 else f"{value:.0f}"

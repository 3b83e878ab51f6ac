"""Small plots, written by hand: bars from p50 to p99 on a logarithmic scale, and curves of what grows."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from bench.figures import Figures, Outcome
from bench.telling import measured, rows

_COLOURS: Final = {"tmex": "#1a7f37", "floor": "#6b7280"}
_OTHER: Final = "#b58100"
_LEFT, _WIDTH, _LINE, _RIGHT = 285, 380, 22, 130
_LEAST: Final = 1e-7
"""What is less than that is drawn as that: a logarithm knows no zero."""
_STYLE: Final = (
    "<style>text{font:12px sans-serif;fill:#24292f}line{stroke:#d0d7de}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}line{stroke:#444c56}}</style>"
)
Bars = Sequence[tuple[str, str, Figures]]


def plot(outcomes: Mapping[str, Outcome], unit: str) -> str:
    """One scenario in all its sizes, or its curves where it has some."""
    curves = [each for outcome in outcomes.values() for each in outcome.curves.items()]
    if curves:
        return _curves(dict(curves))
    return _bars([(f"{name} {who}", who, each) for name, told in outcomes.items() for who, each in rows(told)], unit)


def _bars(bars: Bars, unit: str) -> str:
    """A bar for each program, from p50 to p99, with a stroke at p90."""
    low = max(_LEAST, min(each.p50 for *_, each in bars) / 1.2)
    high = max(2 * low, max(each.p99 for *_, each in bars) * 1.2)
    scale = _WIDTH / math.log(high / low)
    drawn = []
    for number, (label, who, each) in enumerate(bars):
        y = 8 + number * _LINE
        x50, x90, x99 = (_LEFT + math.log(max(value, low) / low) * scale for value in (each.p50, each.p90, each.p99))
        colour = _COLOURS.get(who, _OTHER)
        told = f"{measured(each.p50, unit)} – {measured(each.p99, unit)}"
        drawn += [
            f'<text x="{_LEFT - 8}" y="{y + 11}" text-anchor="end">{escape(label)}</text>',
            f'<rect x="{x50:.1f}" y="{y}" width="{max(x99 - x50, 2):.1f}" height="14" fill="{colour}"/>',
            f'<line x1="{x90:.1f}" x2="{x90:.1f}" y1="{y}" y2="{y + 14}" style="stroke:#fff"/>',
            f'<text x="{x99 + 6:.1f}" y="{y + 11}">{escape(told)}</text>',
        ]
    return _picture(drawn, 16 + len(bars) * _LINE)


def _curves(curves: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Every curve relative to its first point, on logarithmic scales: what grows in proportion rises by 45 degrees."""
    relative = {
        name: [(math.log10(x), math.log10(y / points[0][1])) for x, y in points] for name, points in curves.items()
    }
    most_x = max(x for points in relative.values() for x, _ in points)
    least_x = min(x for points in relative.values() for x, _ in points)
    unit = _WIDTH / max(most_x - least_x, 1e-9)
    height = max((y for points in relative.values() for _, y in points), default=0.0) * unit + 20
    drawn, colours = [], ["#1a7f37", "#b58100", "#0969da", "#c62828", "#8250df"]
    for number, (name, points) in enumerate(relative.items()):
        path = " ".join(f"{_LEFT + (x - least_x) * unit:.1f},{height - y * unit:.1f}" for x, y in points)
        colour = colours[number % len(colours)]
        drawn += [
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
            f'<text x="4" y="{16 + 16 * number}" style="fill:{colour}">{escape(name.replace("_", " "))}</text>',
        ]
    for x, _ in next(iter(relative.values())):
        at = _LEFT + (x - least_x) * unit
        drawn.append(f'<text x="{at:.1f}" y="{height + 18:.1f}" text-anchor="middle">{10**x:,.0f}</text>')
    return _picture(drawn, height + 26)


def _picture(drawn: Sequence[str], height: float) -> str:
    width = _LEFT + _WIDTH + _RIGHT
    size = f'width="{width}" height="{height:.0f}" viewBox="0 0 {width} {height:.0f}"'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">', _STYLE, *drawn, "</svg>", ""])

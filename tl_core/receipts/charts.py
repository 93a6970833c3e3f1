"""Lines and bars as SVG, for paper: told apart by dash and name as well as by colour."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tl_core.escape import in_html
from tl_core.receipts.markup import Html

# Okabe and Ito's colours (2008) that are dark enough on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#7A4E92", "#8A6D00", "#444444")
DASHES = ("", "7 4", "2 3", "10 3 2 3", "4 2", "1 2")
_WIDE, _TALL, _LEFT, _RIGHT, _TOP, _BOTTOM = 420, 215, 48, 22, 26, 36


@dataclass(frozen=True)
class Line:
    """One line of a chart: where it goes through, and what it is called."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True)
class Bar:
    """One bar of a chart, with the ends of its uncertainty where they are known."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


def percent(share: float) -> str:
    """Return a share as it stands beside an axis."""
    return f"{100 * share:g}%"


def number(value: float) -> str:
    """Return a number as it stands beside an axis."""
    return f"{value:g}"


def lines(
    title: str,
    across: str,
    drawn: Sequence[Line],
    *,
    top: float | None = None,
    say: Callable[[float], str] = number,
    places: Sequence[str] = (),
) -> Html:
    """Return a chart of lines from zero upwards.

    Args:
        title: what goes up.
        across: what goes to the right.
        drawn: the lines; empty ones are left out.
        top: of the upright axis; left out, the largest value.
        say: how a value of the upright axis is written.
        places: names of 0, 1, 2 … on the axis across, where these are no numbers.
    """
    shown = [line for line in drawn if line.x]
    ups = _ticks(top or max((y for line in shown for y in line.y), default=1.0))
    ons = _ticks(max((x for line in shown for x in line.x), default=1.0))
    named = [(float(k), name) for k, name in enumerate(places)] or [(k, number(k)) for k in ons]
    furthest = named[-1][0] or 1

    def spot(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + x / furthest * (_WIDE - _LEFT - _RIGHT),
            _TALL - _BOTTOM - y / ups[-1] * (_TALL - _TOP - _BOTTOM),
        )

    parts = [_text(4, 14, title, "start", 12, bold=True)]
    for value in ups:
        x, y = spot(0, value)
        parts += [_rule(x, y, _WIDE - _RIGHT, y), _text(x - 5, y + 4, say(value), "end")]
    for on, name in named:
        parts.append(_text(spot(on, 0)[0], _TALL - _BOTTOM + 14, name, "middle", longest=14))
    parts.append(_text(_WIDE - _RIGHT, _TALL - 5, across, "end"))
    parts += [
        _stroke([spot(x, y) for x, y in zip(line.x, line.y, strict=True)], index)
        for index, line in enumerate(shown)
    ]
    names = [line.name for line in shown]
    return _svg(title, _TALL + 16 * math.ceil(len(names) / 2), [*parts, *_legend(names)])


def bars(title: str, drawn: Sequence[Bar], say: Callable[[float], str] = percent) -> Html:
    """Return bars below each other, for shares between 0 and 1."""
    left, room, tall = 150, _WIDE - 150 - 52, 20
    parts = [_text(4, 14, title, "start", 12, bold=True)]
    for index, bar in enumerate(drawn):
        y = _TOP + index * tall
        wide = max(0.0, min(bar.value, 1.0)) * room
        parts.append(_text(left - 6, y + 12, bar.name, "end", longest=26))
        parts.append(
            f'<rect x="{left}" y="{y + 2}" width="{wide:.1f}" height="13" fill="{COLOURS[0]}"/>'
        )
        if bar.low is not None and bar.high is not None:
            parts.append(_rule(left + bar.low * room, y + 8.5, left + bar.high * room, y + 8.5, 2))
        end = max(bar.value, bar.high or 0) * room
        parts.append(_text(left + end + 5, y + 12, say(round(bar.value, 3)), "start"))
    return _svg(title, _TOP + tall * len(drawn) + 6, parts)


def _ticks(largest: float) -> list[float]:
    """Return 0 and round numbers up to at least the largest.

    >>> _ticks(0.7), _ticks(30)
    ([0.0, 0.2, 0.4, 0.6, 0.8], [0.0, 10.0, 20.0, 30.0])
    """
    if not (0 < largest < math.inf):
        return [0.0, 1.0]
    rough = largest / 4
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * k for k in (1, 2, 2.5, 5, 10) if size * k >= rough * 0.999)
    return [float(f"{step * k:.6g}") for k in range(math.ceil(largest / step - 1e-6) + 1)]


def _stroke(points: Sequence[tuple[float, float]], index: int) -> str:
    colour, dash = COLOURS[index % len(COLOURS)], DASHES[index % len(DASHES)]
    if len(points) == 1:
        x, y = points[0]
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
    through = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (
        f'<polyline points="{through}" fill="none" stroke="{colour}" stroke-width="2" '
        f'stroke-dasharray="{dash}" stroke-linejoin="round"/>'
    )


def _legend(names: Sequence[str]) -> list[str]:
    parts = []
    for index, name in enumerate(names):
        x, y = _LEFT + index % 2 * 190, _TALL + 8 + 16 * (index // 2)
        parts.append(_stroke([(x, y), (x + 28, y)], index))
        parts.append(_text(x + 34, y + 4, name, "start", longest=28))
    return parts


def _text(
    x: float, y: float, words: str, anchor: str, size: int = 10, *, bold: bool = False,
    longest: int = 60,
) -> str:  # fmt: skip
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{weight}>'
        f"{in_html(words, longest)}</text>"
    )


def _rule(x1: float, y1: float, x2: float, y2: float, width: float = 0.5) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#1d2b32" '
        f'stroke-width="{width}" opacity="{0.35 if width < 1 else 0.9}"/>'
    )


def _svg(label: str, tall: float, parts: Sequence[str]) -> Html:
    return Html(
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{in_html(label)}" '
        f'viewBox="0 0 {_WIDE} {tall}" fill="#1d2b32">{"".join(parts)}</svg>'
    )

"""The network drawn as its chain of stages, with the freeze line across it."""

from __future__ import annotations

import math

from pages.shared.escape import in_html
from tl_core.backbones.card import Card, Stage

FROZEN, LEARNS, LINE = "#56B4E9", "#E69F00", "#D55E00"
_BOX, _GAP, _TALL, _TOP = 74, 22, 150, 46


def draw_chain(card: Card, cut: int, classes: int) -> str:
    """Return an SVG: stages left to right, frozen ones blue, learning ones orange.

    A box is as tall as the picture is still large inside it. Colours are readable on light and
    dark ground, and the words "frozen" and "learns" say the same.

    Args:
        card: of the backbone.
        cut: number of frozen stages.
        classes: outputs of the head.
    """
    parts, x = [], 10
    largest = max(_side(stage) for stage in card.stages)
    middle = _TOP + _TALL / 2
    for index, stage in enumerate(card.stages):
        frozen = index < cut
        tall = _TALL * (0.28 + 0.72 * math.log2(1 + _side(stage)) / math.log2(1 + largest))
        # A click on the last frozen stage thaws it; on any other, the line moves behind it.
        target = index if index + 1 == cut else index + 1
        parts.append(
            f'<g class="stage" data-cut="{target}" tabindex="0" role="button">'
            f"{_box(x, middle, tall, stage, frozen)}</g>"
        )
        parts.append(_arrow(x + _BOX, middle))
        x += _BOX + _GAP
    parts.append(_head(x, middle, card.features, classes))
    line = 10 + cut * (_BOX + _GAP) - _GAP / 2 if cut else 4
    parts.append(_line(line, cut, len(card.stages)))
    width, height = x + _BOX + 14, _TOP + _TALL + 62
    title = f"{in_html(card.title)}: {cut} of {len(card.stages)} stages frozen"
    return (
        f'<svg role="group" aria-label="{title}" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'style="max-width:none;font-family:inherit;fill:currentColor">{"".join(parts)}</svg>'
    )


def _side(stage: Stage) -> int:
    return stage.shape[-1] if len(stage.shape) == 3 else 1


def _box(x: float, middle: float, tall: float, stage: Stage, frozen: bool) -> str:
    colour, word = (FROZEN, "frozen") if frozen else (LEARNS, "learns")
    shape = " × ".join(map(str, stage.shape))
    return (
        f'<rect x="{x}" y="{middle - tall / 2:.1f}" width="{_BOX}" height="{tall:.1f}" rx="8" '
        f'fill="{colour}" fill-opacity="0.35" stroke="{colour}" stroke-width="2"/>'
    ) + _labels(x, middle, in_html(stage.name), word, stage.parameters, shape, size=13)


def _head(x: float, middle: float, features: int, classes: int) -> str:
    return (
        f'<rect x="{x}" y="{middle - 24}" width="{_BOX}" height="48" rx="24" fill="{LEARNS}" '
        f'fill-opacity="0.55" stroke="{LEARNS}" stroke-width="2"/>'
    ) + _labels(
        x, middle, "new head", "learns", (features + 1) * classes, f"{classes} classes", size=12
    )


def _labels(
    x: float, middle: float, name: str, word: str, parameters: int, shape: str, *, size: int
) -> str:
    centre, foot = x + _BOX / 2, _TOP + _TALL + 16
    return "".join(
        f'<text x="{centre}" y="{y:.1f}" text-anchor="middle" {look}>{words}</text>'
        for y, look, words in (
            (middle - 3, f'font-size="{size}" font-weight="600"', name),
            (middle + 13, 'font-size="11"', word),
            (foot, 'font-size="11"', count(parameters)),
            (foot + 16, 'font-size="10" opacity="0.75"', shape),
        )
    )


def _arrow(x: float, middle: float) -> str:
    end = x + _GAP - 4
    return (
        f'<path d="M{x + 4} {middle} H{end} m-5 -4 l5 4 l-5 4" fill="none" stroke="currentColor" '
        'stroke-width="1.5" opacity="0.6"/>'
    )


def _line(x: float, cut: int, stages: int) -> str:
    if cut == 0:
        anchor, at, words = "start", x + 6, "nothing is frozen: every stage learns"
    elif cut == stages:
        anchor, at, words = "end", x - 6, "freeze line: the whole backbone is frozen"
    else:
        anchor, at, words = "middle", max(x, 90), "frozen  │  learns"
    return (
        f'<line x1="{x}" y1="30" x2="{x}" y2="{_TOP + _TALL + 36}" stroke="{LINE}" '
        'stroke-width="3" stroke-dasharray="7 5"/>'
        f'<text x="{at}" y="20" text-anchor="{anchor}" font-size="13" font-weight="600">{words}'
        "</text>"
    )


def count(number: int) -> str:
    """Return a number of parameters as people say it.

    >>> count(0), count(950), count(11_176_512), count(23_500)
    ('0', '950', '11.2 M', '23.5 k')
    """
    if number >= 1_000_000:
        return f"{number / 1e6:.1f} M"
    return f"{number / 1e3:.1f} k" if number >= 1000 else str(number)

"""The network drawn as its chain of stages: where the freeze line is, or what has moved."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pages.shared.escape import in_html
from tl_core.backbones.card import Card, Stage

FROZEN, LEARNS, LINE = "#56B4E9", "#E69F00", "#D55E00"
_BOX, _GAP, _TALL, _TOP, _LEFT = 74, 22, 150, 46, 26
_MIDDLE = _TOP + _TALL / 2
_FOOT = _TOP + _TALL + 36  # of what is written below the boxes
_GRIP = 13
# Words stay readable on the fullest colour, in light and dark.
_PALE, _FULL = 0.08, 0.55

STEP, FIRST = _BOX + _GAP, _LEFT - _GAP / 2
"""From one place of the freeze line to the next, and the first of them, in pixels."""


@dataclass(frozen=True)
class _Look:
    """How a stage is drawn: its colour, how full it is, and the word that says the same."""

    colour: str
    fullness: float
    word: str
    is_hatched: bool = False


def draw_chain(card: Card, cut: int, classes: int, *, is_movable: bool = False) -> str:
    """Return an SVG: stages left to right, frozen ones blue, learning ones orange.

    A box is as tall as the picture is still large inside it. Colours are readable on light and
    dark ground, and the words "frozen" and "learns" say the same.

    Args:
        card: of the backbone.
        cut: number of frozen stages.
        classes: outputs of the head.
        is_movable: whether the freeze line has a grip, which is a slider to a screen reader.
    """
    frozen, learns = _Look(FROZEN, 0.35, "frozen"), _Look(LEARNS, 0.35, "learns")
    looks = [frozen if index < cut else learns for index in range(len(card.stages))]
    line = _line(card, cut, is_movable)
    label = f"{card.title}: {cut} of {len(card.stages)} stages frozen"
    return _svg(card, looks, _Look(LEARNS, _FULL, "learns"), classes, label, line, cut)


def draw_moved(card: Card, shares: Mapping[str, float], frozen: int, classes: int) -> str:
    """Return an SVG: the further a stage's weights moved, the fuller its colour, with a legend.

    Args:
        card: of the backbone.
        shares: stage to how far it moved, from `moved`.
        frozen: how many stages were frozen to the end; they are hatched.
        classes: outputs of the head.
    """
    most = max(shares.values(), default=0.0)
    still = _Look(FROZEN, 0.2, "unmoved", is_hatched=True)
    looks = [
        still if index < frozen else _Look(LEARNS, _fullness(share, most), _moved_by(share))
        for index, share in enumerate(shares.values())
    ]
    label = f"{card.title}: how far each stage moved"
    legend = _legend(most, has_frozen=frozen > 0)
    return _svg(card, looks, _Look(LEARNS, 0, "new"), classes, label, legend)


def _fullness(share: float, most: float) -> float:
    """Return a fullness by the root of a share: what moved a hundredth of the most is seen too."""
    return _PALE + (_FULL - _PALE) * math.sqrt(share / most) if most else _PALE


def _moved_by(share: float) -> str:
    return f"by {100 * share:.2g}%" if share else "unmoved"


def _svg(
    card: Card, looks: Sequence[_Look], head: _Look, classes: int, label: str, more: str,
    cut: int | None = None,
) -> str:  # fmt: skip
    parts, x = [_HATCH], float(_LEFT)
    largest = max(_side(stage) for stage in card.stages)
    for index, (stage, look) in enumerate(zip(card.stages, looks, strict=True)):
        tall = _TALL * (0.28 + 0.72 * math.log2(1 + _side(stage)) / math.log2(1 + largest))
        # A click on the last frozen stage thaws it; on any other, the line moves behind it.
        target = "" if cut is None else f' data-cut="{index if index + 1 == cut else index + 1}"'
        parts.append(f'<g class="stage"{target}>{_box(x, tall, stage, look)}</g>')
        parts.append(_arrow(x + _BOX))
        x += STEP
    parts += [_head(x, card.features, classes, head), more]
    width, height = x + _BOX + 14, _FOOT + 2 * _GRIP + 12
    return (
        f'<svg role="group" aria-label="{in_html(label)}" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'style="max-width:none;font-family:inherit;fill:currentColor">{"".join(parts)}</svg>'
    )


_HATCH = (
    '<defs><pattern id="hatch" width="8" height="8" patternUnits="userSpaceOnUse" '
    f'patternTransform="rotate(45)"><path d="M0 0V8" stroke="{FROZEN}" stroke-width="3" '
    'opacity="0.22"/></pattern></defs>'
)


def _side(stage: Stage) -> int:
    return stage.shape[-1] if len(stage.shape) == 3 else 1


def _box(x: float, tall: float, stage: Stage, look: _Look) -> str:
    shape = " × ".join(map(str, stage.shape))
    return _rectangle(x, tall, 8, look) + _labels(
        x, in_html(stage.name), look.word, stage.parameters, shape, size=13
    )


def _rectangle(x: float, tall: float, radius: int, look: _Look) -> str:
    place = f'x="{x}" y="{_MIDDLE - tall / 2:.1f}" width="{_BOX}" height="{tall:.1f}" rx="{radius}"'
    hatched = f'<rect {place} fill="url(#hatch)"/>' if look.is_hatched else ""
    return (
        f'<rect {place} fill="{look.colour}" fill-opacity="{look.fullness:.2f}" '
        f'stroke="{look.colour}" stroke-width="2"/>{hatched}'
    )


def _head(x: float, features: int, classes: int, look: _Look) -> str:
    return _rectangle(x, 48, 24, look) + _labels(
        x, "new head", look.word, (features + 1) * classes, f"{classes} classes", size=12
    )


def _labels(x: float, name: str, word: str, parameters: int, shape: str, *, size: int) -> str:
    centre, foot = x + _BOX / 2, _TOP + _TALL + 16
    return "".join(
        f'<text x="{centre}" y="{y:.1f}" text-anchor="middle" {look}>{words}</text>'
        for y, look, words in (
            (_MIDDLE - 3, f'font-size="{size}" font-weight="600"', name),
            (_MIDDLE + 13, 'font-size="11"', word),
            (foot, 'font-size="11"', count(parameters)),
            (foot + 16, 'font-size="10" opacity="0.75"', shape),
        )
    )


def _arrow(x: float) -> str:
    end = x + _GAP - 4
    return (
        f'<path d="M{x + 4} {_MIDDLE} H{end} m-5 -4 l5 4 l-5 4" fill="none" stroke="currentColor" '
        'stroke-width="1.5" opacity="0.6"/>'
    )


def _line(card: Card, cut: int, is_movable: bool) -> str:
    x, stages = FIRST + cut * STEP, len(card.stages)
    if cut == 0:
        anchor, at, words = "start", x + 2, "nothing is frozen: every stage learns"
    elif cut == stages:
        anchor, at, words = "end", x - 6, "freeze line: the whole backbone is frozen"
    else:
        anchor, at, words = "middle", max(x, 90), "frozen  │  learns"
    drawn = (
        f'<line x1="{x}" y1="30" x2="{x}" y2="{_FOOT}" stroke="{LINE}" '
        'stroke-width="3" stroke-dasharray="7 5"/>'
    )
    said = (
        f'<text x="{at}" y="20" text-anchor="{anchor}" font-size="13" font-weight="600">{words}'
        "</text>"
    )
    if not is_movable:
        return drawn + said
    where = f"frozen up to {card.stage_names[cut - 1]}" if cut else "nothing is frozen"
    return (
        '<g class="line" role="slider" tabindex="0" aria-label="Freeze line" aria-valuemin="0" '
        f'aria-valuemax="{stages}" aria-valuenow="{cut}" aria-valuetext="{in_html(where)}">'
        f'<rect class="reach" x="{x - 18}" y="24" width="36" height="{_FOOT - 4 + 2 * _GRIP}" '
        f'rx="10" fill="transparent"/>{drawn}{_grip(x, _FOOT + _GRIP)}</g>{said}'
    )


def _grip(x: float, y: float) -> str:
    arrows = f"M{x - 3} {y - 4} l-4 4 l4 4 M{x + 3} {y - 4} l4 4 l-4 4"
    return (
        f'<circle cx="{x}" cy="{y}" r="{_GRIP}" fill="{LINE}"/>'
        f'<path d="{arrows}" fill="none" stroke="#fff" stroke-width="2"/>'
    )


def _legend(most: float, *, has_frozen: bool) -> str:
    """Return what the colours mean, below the drawing."""
    x, y, parts = float(_LEFT), _FOOT + 14, []
    look = f'y="{y}" width="22" height="14" rx="3"'
    words = f'y="{y + 11}" font-size="11"'
    if has_frozen:
        parts.append(
            f'<rect x="{x}" {look} fill="url(#hatch)" stroke="{FROZEN}"/>'
            f'<text x="{x + 28}" {words}>frozen, unmoved</text>'
        )
        x += 148
    scale = ((_PALE, "0%", 42), (_FULL, f"{100 * most:.2g}% moved", 0)) if most else ()
    for fullness, word, wide in scale:
        parts.append(
            f'<rect x="{x}" {look} fill="{LEARNS}" fill-opacity="{fullness}" stroke="{LEARNS}"/>'
            f'<text x="{x + 28}" {words}>{word}</text>'
        )
        x += 28 + wide
    return "".join(parts)


def count(number: int) -> str:
    """Return a number of parameters as people say it.

    >>> count(0), count(950), count(11_176_512), count(23_500)
    ('0', '950', '11.2 M', '23.5 k')
    """
    if number >= 1_000_000:
        return f"{number / 1e6:.1f} M"
    return f"{number / 1e3:.1f} k" if number >= 1000 else str(number)

"""What screens show. Some of it is seen on phones and on laptops alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

from tl_core.data.drawn.colours import blend, clouds, gradient, hsv, scaled, some_colour
from tl_core.data.drawn.scene import Colour

_Size = tuple[int, int]
_Kind = Callable[[Generator, _Size], Image.Image]
_WHITE, _INK = (248, 248, 250), (40, 44, 52)


def screen(rng: Generator, size: _Size, kinds: Sequence[_Kind]) -> Image.Image:
    """Return a screen's content with its reflection.

    Args:
        rng: where chance comes from.
        size: width and height, in pixels.
        kinds: what it may show, `ON_PHONES` or `ON_LAPTOPS`.
    """
    shown = kinds[int(rng.integers(len(kinds)))](rng, size)
    if rng.random() < 0.5:
        _reflect(rng, shown)
    return shown


def _reflect(rng: Generator, shown: Image.Image) -> None:
    """Let a window or a lamp shine back, as a bright slanted band."""
    width, height = shown.size
    left, wide, slant = rng.uniform(-0.2, 0.8), rng.uniform(0.1, 0.5), rng.uniform(0.1, 0.6)
    band = Image.new("L", shown.size, 0)
    top, bottom = (left + slant) * width, left * width
    corners = [(top, 0), (top + wide * width, 0), (bottom + wide * width, height), (bottom, height)]
    ImageDraw.Draw(band).polygon(corners, fill=int(rng.integers(20, 75)))
    shown.paste((255, 255, 255), mask=band)


def _dark(rng: Generator, size: _Size) -> Image.Image:
    first = some_colour(rng, (0.0, 0.4), (0.03, 0.14))
    return gradient(size, first, scaled(first, rng.uniform(1.2, 2.6)), rng.uniform(0, 6.3))


def _wallpaper(rng: Generator, size: _Size) -> Image.Image:
    """Return clouds of two colours, or a plain change of colour."""
    hue = rng.random()
    first = hsv(hue, rng.uniform(0.4, 0.9), rng.uniform(0.2, 0.7))
    last = hsv(hue + rng.uniform(0.05, 0.3), rng.uniform(0.3, 0.8), rng.uniform(0.6, 1.0))
    if rng.random() < 0.5:
        return gradient(size, first, last, rng.uniform(0, 6.3))
    return blend(clouds(rng, size, (3, 4)), first, last)


def _photo(rng: Generator, size: _Size) -> Image.Image:
    """Return a landscape: sky, a sun, and hills behind hills."""
    width, height = size
    hue = rng.choice([rng.uniform(0.52, 0.62), rng.uniform(0.0, 0.12), rng.uniform(0.75, 0.95)])
    low = hsv(hue + 0.05, rng.uniform(0.1, 0.5), 1.0)
    shown = gradient(size, hsv(hue, 0.6, rng.uniform(0.5, 0.95)), low, np.pi / 2)
    pen = ImageDraw.Draw(shown)
    x, y, r = rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.5) * height, 0.09 * min(size)
    pen.ellipse((x - r, y - r, x + r, y + r), fill=hsv(0.13, rng.uniform(0.05, 0.4), 1.0))
    ground = rng.uniform(0.05, 0.5)
    for k in range(int(rng.integers(2, 5))):
        waves = clouds(rng, (48, 1), (int(rng.integers(4, 9)), 1))[0]
        ridge = (0.45 + 0.14 * k - 0.25 * waves) * height
        xs = np.linspace(0, width, 48)
        hill = hsv(ground, 0.35 + 0.1 * k, 0.75 - 0.15 * k)
        pen.polygon([(0, height), *zip(xs, ridge, strict=True), (width, height)], fill=hill)
    return shown


def _icons(rng: Generator, size: _Size) -> Image.Image:
    """Return a home screen: rows of icons, and a dock."""
    shown = (_photo if rng.random() < 0.3 else _wallpaper)(rng, size)
    pen = ImageDraw.Draw(shown)
    width, height = size
    across = int(rng.integers(4, 6)) if width < height else int(rng.integers(7, 12))
    cell = width / across
    icon = cell * rng.uniform(0.55, 0.72)
    down = int(height / cell) - 1
    full = int(rng.integers(max(1, down // 3), max(2, down + 1)))
    for place in range(across * full):
        if rng.random() < 0.08:
            continue
        column, row = place % across, place // across
        _icon(rng, pen, (column + 0.5) * cell, (row + 0.8) * cell, icon)
    top = height - cell
    pen.rounded_rectangle(
        (0.25 * cell, top, width - 0.25 * cell, height - 0.1 * cell), cell / 4, scaled(_WHITE, 0.85)
    )
    for column in range(1, across - 1):
        _icon(rng, pen, (column + 0.5) * cell, top + 0.45 * cell, icon)
    return shown


def _icon(rng: Generator, pen: ImageDraw.ImageDraw, x: float, y: float, side: float) -> None:
    half = side / 2
    colour = some_colour(rng, (0.0, 1.0), (0.5, 1.0))
    pen.rounded_rectangle((x - half, y - half, x + half, y + half), half * 0.45, colour)
    inner = half * rng.uniform(0.3, 0.6)
    shape = pen.ellipse if rng.random() < 0.6 else pen.rectangle
    shape((x - inner, y - inner, x + inner, y + inner), fill=scaled(colour, rng.uniform(0.4, 1.9)))


def _paper(rng: Generator) -> tuple[Colour, Colour]:
    """Return the colours of a page and of its text, dark on light or light on dark."""
    return (_WHITE, _INK) if rng.random() < 0.65 else (_INK, (205, 208, 214))


def _lines(rng: Generator, pen: ImageDraw.ImageDraw, box: tuple[float, ...], step: float,
           colours: list[Colour]) -> None:  # fmt: skip
    """Draw lines of text as bars, in paragraphs."""
    left, top, right, bottom = box
    while top < bottom - step:
        words = rng.uniform(0.35, 1.0) * (right - left)
        colour = colours[rng.integers(len(colours))]
        pen.rectangle((left, top, left + words, top + 0.4 * step), fill=colour)
        top += step * (2 if rng.random() < 0.18 else 1)


def _page(rng: Generator, size: _Size) -> Image.Image:
    """Return an article: a bar, a heading, a picture and text."""
    width, height = size
    paper, ink = _paper(rng)
    shown = Image.new("RGB", size, paper)
    pen = ImageDraw.Draw(shown)
    margin, step = 0.08 * min(size), 0.045 * min(size) + 4
    pen.rectangle((0, 0, width, 1.6 * step), fill=some_colour(rng, (0.0, 0.9), (0.4, 0.95)))
    pen.rectangle((margin, 2.4 * step, 0.7 * width, 3.3 * step), fill=ink)
    picture = (int(width - 2 * margin), int(rng.uniform(0.2, 0.4) * height))
    shown.paste(_photo(rng, picture), (int(margin), int(4.2 * step)))
    top = 5 * step + picture[1]
    grey = scaled(ink, 1.8) if ink == _INK else scaled(ink, 0.8)
    _lines(rng, pen, (margin, top, width - margin, height - margin / 2), step, [grey])
    return shown


def _messages(rng: Generator, size: _Size) -> Image.Image:
    """Return a conversation: bubbles to the left and to the right."""
    width, height = size
    paper, ink = _paper(rng)
    shown = Image.new("RGB", size, scaled(paper, 0.96))
    pen = ImageDraw.Draw(shown)
    mine, step = some_colour(rng, (0.4, 0.9), (0.55, 0.95)), 0.06 * min(size) + 3
    theirs = scaled(paper, 0.86) if paper == _WHITE else scaled(paper, 1.7)
    pen.rectangle((0, 0, width, 2 * step), fill=scaled(mine, 0.7))
    pen.ellipse((step, 0.4 * step, 2.2 * step, 1.6 * step), fill=theirs)
    top = 2.8 * step
    while top < height - 2 * step:
        wide, tall = rng.uniform(0.3, 0.65) * width, step * rng.uniform(1.3, 3)
        right = rng.random() < 0.5
        left = width - wide - step / 2 if right else step / 2
        pen.rounded_rectangle(
            (left, top, left + wide, top + tall), step / 2, mine if right else theirs
        )
        box = (left + step / 2, top + step / 2, left + wide - step / 2, top + tall)
        _lines(rng, pen, box, 0.7 * step, [_WHITE if right else ink])
        top += tall + 0.6 * step
    return shown


def _clock(rng: Generator, size: _Size) -> Image.Image:
    """Return a lock screen: the time over a picture."""
    shown = (_photo if rng.random() < 0.6 else _wallpaper)(rng, size)
    time = f"{rng.integers(1, 24)}:{rng.integers(60):02}"
    middle = (size[0] / 2, 0.24 * size[1])
    font = ImageFont.load_default(0.26 * min(size))
    pen = ImageDraw.Draw(shown)
    pen.text(middle, time, (255, 255, 255), font, anchor="mm")
    half = 0.42 * size[0]
    for k in range(int(rng.integers(0, 3))):
        top = (0.5 + 0.14 * k) * size[1]
        box = (middle[0] - half, top, middle[0] + half, top + 0.11 * size[1])
        pen.rounded_rectangle(box, 8, (232, 232, 238))
        _lines(rng, pen, (box[0] + 8, top + 6, box[2] - 8, box[3]), 9, [(120, 124, 132)])
    return shown


def _code(rng: Generator, size: _Size) -> Image.Image:
    """Return a program in an editor, dark or light."""
    width, height = size
    paper, _ = _paper(rng)
    dark = paper == _INK
    shown = Image.new("RGB", size, scaled(paper, 0.75 if dark else 1))
    pen = ImageDraw.Draw(shown)
    value = (0.7, 1.0) if dark else (0.3, 0.65)
    colours = [some_colour(rng, (0.3, 0.8), value) for _ in range(5)]
    step = 0.04 * min(size) + 2
    rim = rng.uniform(0.12, 0.25) * width if width > height else 0.06 * width
    pen.rectangle((0, 0, rim, height), fill=scaled(paper, 1.25 if dark else 0.9))
    top, indent = step, 0
    while top < height - step:
        indent = int(np.clip(indent + rng.integers(-1, 2), 0, 4))
        left = rim + (1 + 2 * indent) * step
        while left < rim + rng.uniform(0.3, 0.9) * (width - rim):
            wide = rng.uniform(1, 6) * step
            colour = colours[rng.integers(5)]
            pen.rectangle((left, top, min(left + wide, width - 4), top + 0.5 * step), fill=colour)
            left += wide + 0.6 * step
        top += step
    return shown


def _table(rng: Generator, size: _Size) -> Image.Image:
    """Return figures: bars of a chart above the rows of a table."""
    width, height = size
    paper, ink = _paper(rng)
    shown = Image.new("RGB", size, paper)
    pen = ImageDraw.Draw(shown)
    colour, count = some_colour(rng, (0.4, 0.9), (0.5, 0.95)), int(rng.integers(5, 12))
    base, wide = 0.5 * height, 0.9 * width / count
    for k, value in enumerate(rng.uniform(0.05, 0.4, count)):
        left = 0.05 * width + k * wide
        pen.rectangle((left, base - value * height, left + 0.7 * wide, base), fill=colour)
    rows = int(rng.integers(5, 9))
    for k in range(rows):
        top = (0.55 + 0.43 * k / rows) * height
        pen.line((0.05 * width, top, 0.95 * width, top), scaled(ink, 1.6), 1)
        for column in range(4):
            left = (0.07 + 0.23 * column) * width
            bar = (left, top + 4, left + rng.uniform(0.05, 0.17) * width, top + 0.02 * height + 4)
            pen.rectangle(bar, fill=ink)
    return shown


def _film(rng: Generator, size: _Size) -> Image.Image:
    """Return a film being played: black bars, a picture, and where it has got to."""
    width, height = size
    shown = Image.new("RGB", size, (8, 8, 10))
    wide, tall = (width, int(width * 0.5)) if width * 0.5 < height else (int(height * 1.6), height)
    picture = _photo(rng, (wide, tall))
    shown.paste(picture, ((width - wide) // 2, (height - tall) // 2))
    pen = ImageDraw.Draw(shown)
    y, seen = 0.92 * height, rng.uniform(0.1, 0.9)
    pen.line((0.06 * width, y, 0.94 * width, y), (190, 190, 190), 2)
    pen.line((0.06 * width, y, (0.06 + 0.88 * seen) * width, y), (225, 40, 40), 3)
    half = 0.07 * min(size)
    x, y = width / 2, height / 2
    pen.polygon([(x - half, y - half), (x - half, y + half), (x + half, y)], fill=(240, 240, 240))
    return shown


ON_PHONES: tuple[_Kind, ...] = (_dark, _photo, _icons, _icons, _page, _messages, _messages, _clock)
ON_LAPTOPS: tuple[_Kind, ...] = (_dark, _photo, _icons, _page, _code, _code, _table, _film)

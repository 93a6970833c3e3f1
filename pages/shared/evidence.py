"""What was measured, in words and as a table: computed from the rows, whichever way they fall."""

from __future__ import annotations

from pages.shared.escape import on_page
from tl_core import words
from tl_core.backbones.worth import METHODS, Figures, Gain, PerClass, Row, by_method, gain, title_of


def heading(data: str) -> str:
    """Return a picture set's name, as a label.

    >>> heading("hymenoptera")
    'Ants and bees'
    """
    name = title_of(data)
    return on_page(name[:1].upper() + name[1:], 40)


def verdict(figures: Figures, data: str) -> str:
    """Say for how many pictures the head start is ahead, behind, or too close to tell."""
    gains = {size: gain(figures, data, size) for size in _sizes(figures.of(data))}
    told = {size: found for size, found in gains.items() if found}
    ahead = {size: found for size, found in told.items() if found.is_clear and found.points > 0}
    behind = {size: found for size, found in told.items() if found.is_clear and found.points < 0}
    close = {size: found for size, found in told.items() if not found.is_clear}
    sentences = []
    if ahead:
        sentences.append(f"**The head start is ahead** with {_each(ahead)}.")
    if behind:
        sentences.append(f"**From scratch is ahead** with {_each(behind)}.")
    if close:
        sentences.append(f"**Too close to tell** with {_each(close)}.")
    if missing := [_amount(size) for size in gains if size not in told]:
        sentences.append(f"Not compared with {_and(missing)}.")
    return " ".join(sentences)


def doubt(figures: Figures, data: str) -> str:
    """Say how much hangs on the pictures that were measured on."""
    rows = figures.of(data)
    seeds = max(row.seeds for row in rows)
    widest = max(row.sampling_error for row in rows)
    return (
        f"Pictures right: mean ± spread over {words.count(seeds, 'draw')}, in points. "
        f"Measured on {rows[0].measured_on} pictures, so each one counts for "
        f"{100 / rows[0].measured_on:.1f} points; on as many others a figure could well be "
        f"{words.count(max(1, round(100 * widest)), 'point')} higher or lower."
    )


def table(figures: Figures, data: str) -> str:
    """Return what was measured on a picture set, in percent, as a Markdown table."""
    rows = figures.of(data)
    found = {size: by_method(rows, size) for size in _sizes(rows)}
    lines = [f"| pictures of each class | {' | '.join(map(str, found))} |"]
    lines.append("|---" * (1 + len(found)) + "|")
    for method, title in METHODS.items():
        cells = [_percent(each.get(method)) for each in found.values()]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _sizes(rows: tuple[Row, ...]) -> list[PerClass]:
    return list(dict.fromkeys(row.per_class for row in rows))


def _each(gains: dict[PerClass, Gain]) -> str:
    return _and([f"{_amount(size)} ({_points(found)})" for size, found in gains.items()])


def _amount(size: PerClass) -> str:
    return "all pictures" if size == "all" else f"{words.count(size, 'picture')} of each class"


def _points(found: Gain) -> str:
    points = round(abs(found.points))
    said = words.count(points, "point")
    if found.is_clear:
        return f"by {said}"
    if points == 0:
        return "no difference"
    return f"{'the head start' if found.points > 0 else 'from scratch'} {said} higher"


def _and(parts: list[str]) -> str:
    """Join parts as a person would.

    >>> _and(["a"]), _and(["a", "b"]), _and(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _percent(row: Row | None) -> str:
    if row is None or row.mean is None:
        return "not measured"
    return f"{row.mean:.0%}" + ("" if row.spread is None else f" ± {100 * row.spread:.0f}")

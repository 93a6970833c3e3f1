"""Pictures that can be told to be of little use by their look: blank, dark, blurred, tiny.

Each threshold was chosen for few false alarms on the photo sets named in `alike`: none of their
1,114 photos is called dark, bright, blank or blurred.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tl_core.data.dataset import Dataset, Item
from tl_core.data.deep import RANGES
from tl_core.data.finding import Finding, Kind, Mend, Severity
from tl_core.data.sketch import Sketches

DARK, BRIGHT = 50, 205
"""98 % of a dark picture is darker, 98 % of a bright one brighter, of 255."""

BLANK = 12
"""Between the lowest and the highest value of a picture of one colour, of 255."""

BLURRY = 0.66
"""Of 516 weather photos the smoothest sky has 0.61; photos out of focus 0.7 and more."""

TINY = 32
"""Pixels of the shorter side; a network sees 224."""

LONG = 3.0
"""Longer side by shorter side; the network sees a square from the middle, at most a third of it."""

USUAL = 1 / 3
"""A look that more than this share of the pictures has is their nature: X-rays are dark."""

_Look = Callable[[Sketches], NDArray[np.bool_]]


def _odd_shape(s: Sketches) -> NDArray[np.bool_]:
    sides = np.stack([s["width"], s["height"]]).astype(float)
    return np.asarray(sides.max(0) > LONG * np.maximum(sides.min(0), 1))


LOOKS: Mapping[Kind, tuple[_Look, Severity, str]] = {
    "blank": (
        lambda s: s["range"] <= BLANK,
        "warning",
        "The picture is one colour from edge to edge, so there is nothing in it to learn from.",
    ),
    "dark": (
        lambda s: s["high"] <= DARK,
        "warning",
        "The picture is so dark that hardly anything can be made out, so the network would learn "
        "darkness instead of the class.",
    ),
    "bright": (
        lambda s: s["low"] >= BRIGHT,
        "warning",
        "The picture is washed out to almost white, so the network would learn brightness instead "
        "of the class.",
    ),
    "tiny": (
        lambda s: np.minimum(s["width"], s["height"]) < TINY,
        "warning",
        f"The picture has fewer than {TINY} pixels on its shorter side, and enlarged to what a "
        "network sees it is a blur.",
    ),
    "blurry": (
        lambda s: s["blur"] >= BLURRY,
        "note",
        "The picture is blurred or out of focus, so the fine marks that tell classes apart are "
        "not in it.",
    ),
    "odd-shape": (
        _odd_shape,
        "note",
        f"The picture is more than {LONG:.0f} times as long as it is wide, and a network sees a "
        "square from its middle, so most of it is never seen.",
    ),
}


def look(kind: Kind, items: Sequence[Item], sketches: Sketches) -> list[Finding]:
    """Return the pictures that have one look; as one note where it is the set's nature.

    Args:
        kind: one of `LOOKS`.
        items: pictures of the dataset.
        sketches: one row for each.
    """
    has_look, severity, why = LOOKS[kind]
    hit = has_look(sketches) & (sketches["width"] > 0)
    found = [items[n] for n in np.flatnonzero(hit).tolist()]
    if kind != "blank" and len(found) > max(1, USUAL * len(items)):
        common = f"This holds for {len(found)} of {len(items)} pictures, so it may be their nature."
        return [Finding(kind, "note", f"{why} {common}", items=tuple(found))]
    return [
        Finding(kind, severity, why, items=same, mends=(_remove(same),)) for same in _by_file(found)
    ]


def check_range(dataset: Dataset) -> list[Finding]:
    """Say which value was taken for white, where the files could hold higher ones."""
    if dataset.white in (0, RANGES[-1]):
        return []
    why = (
        f"16-bit pictures hold values up to {dataset.white:,} here, so {dataset.white:,} is white, "
        "in training and when predicting."
    )
    return [Finding("range", "note", why)]


def is_usual(finding: Finding) -> bool:
    """Say whether a finding speaks of the whole set and not of some pictures in it."""
    return finding.kind in LOOKS and not finding.mends


def _by_file(items: Iterable[Item]) -> list[tuple[Item, ...]]:
    found: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        found[item.file].append(item)
    return [tuple(same) for same in found.values()]


def _remove(items: tuple[Item, ...]) -> Mend:
    return Mend("remove", "Remove it", items)

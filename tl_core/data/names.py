"""Class names that are probably one name, written in two ways."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from itertools import islice

_LEAST_LETTERS = 6
"""Shorter words differ by one letter and mean different things: cat, rat; black, block."""
_COMPARED = 8  # of names that are all alike
_MOST = 200  # pairs that are told


def lookalikes(classes: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return pairs of classes whose names are probably one, and how they differ.

    >>> lookalikes(["Cat", "cat ", "dog", "sunrise", "sunrsie", "class 1", "class 2"])
    [(0, 1, 'by capitals, accents or signs'), (3, 4, 'by one letter')]
    """
    plain = [_plain(name) for name in classes]
    near: dict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(plain):
        for key in _neighbours(name):
            near[key].append(number)
    # What a typing slip makes of a name has a neighbour in common with it, so that only few pairs
    # are compared, and of a crowd each with the first few.
    pairs = {
        (first, second)
        for crowd in near.values()
        for place, second in enumerate(crowd)
        for first in crowd[: min(place, _COMPARED)]
    }
    found = (
        (first, second, difference)
        for first, second in sorted(pairs)
        if (difference := _difference(plain[first], plain[second]))
    )
    return list(islice(found, _MOST))


def _neighbours(name: str) -> set[str]:
    """Return a name and what is left of it without one letter; digits are no slips."""
    if len(name) < _LEAST_LETTERS:
        return {name} if name else set()
    return {name, *(name[:n] + name[n + 1 :] for n, c in enumerate(name) if not c.isdigit())}


def _plain(name: str) -> str:
    """Return the letters and digits alone, small, and Latin ones without accents.

    In other scripts a mark can be a vowel, or make another letter.
    """
    plain = ""
    for c in unicodedata.normalize("NFKD", name.casefold()):
        kind = unicodedata.category(c)
        is_accent = kind == "Mn" and plain[-1:].isascii()
        if kind[0] in "LN" or (kind[0] == "M" and not is_accent):
            plain += c
    return plain


def _difference(a: str, b: str) -> str:
    if not a or not b:
        return ""  # nothing but signs: "+" and "-" are different classes
    if a == b:
        return "by capitals, accents or signs"
    if min(len(a), len(b)) >= _LEAST_LETTERS and _one_slip(a, b):
        return "by one letter"
    return ""


def _one_slip(a: str, b: str) -> bool:
    """Say whether one letter too many, wrong or in its neighbour's place makes `a` into `b`.

    A digit that differs is a number that differs, and a wrong first letter another word.
    """
    if len(a) > len(b):
        a, b = b, a
    at = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    if len(b) == len(a) + 1:
        return a[at:] == b[at + 1 :] and not b[at].isdigit()
    if len(b) != len(a) or at == 0:
        return False
    if a[at : at + 2] == b[at : at + 2][::-1] and a[at + 2 :] == b[at + 2 :]:
        return not a[at : at + 2].isdigit()
    return a[at + 1 :] == b[at + 1 :] and not (a[at].isdigit() or b[at].isdigit())

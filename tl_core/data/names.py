"""Class names that are probably one name, written in two ways."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import combinations

_LEAST_LETTERS = 6
"""Shorter words differ by one letter and mean different things: cat, rat; black, block."""


def lookalikes(classes: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return pairs of classes whose names are probably one, and how they differ.

    >>> lookalikes(["Cat", "cat ", "dog", "sunrise", "sunrsie", "class 1", "class 2"])
    [(0, 1, 'by capitals, accents or signs'), (3, 4, 'by one letter')]
    """
    plain = [_plain(name) for name in classes]
    return [
        (first, second, difference)
        for first, second in combinations(range(len(classes)), 2)
        if (difference := _difference(plain[first], plain[second]))
    ]


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

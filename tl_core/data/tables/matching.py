"""Which picture a cell of a table names: by the longest common end of two paths.

Tables come from other computers and other programs: other folders above, other endings, capitals,
zeros that a spreadsheet dropped, the prefix that Label Studio puts before an upload.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, cast
from urllib.parse import unquote

from tl_core.data.split_words import split_of

_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_LOCAL_FILES = re.compile(r"^.*\?d=")  # Label Studio: /data/local-files/?d=images/1.jpg
_UPLOAD = re.compile(r"^[0-9a-f]{8}-(?=.)")  # Label Studio: 0a1b2c3d-1.jpg
_NUMBER = re.compile(r"(\d+)(\.0)?")
_AMBIGUOUS = -1
_LONGEST = 4096  # characters of a cell that may name a picture

Parts = tuple[str, ...]
_Way = tuple[Callable[[str], str], Callable[[str], str]]


@dataclass(frozen=True)
class Match:
    """The picture that a cell names.

    Attributes:
        picture: its number.
        shared: how many last parts of the two paths are the same.
        is_elsewhere: whether the cell says another folder than the one the picture lies in.
    """

    picture: int
    shared: int
    is_elsewhere: bool


def looks_like_file(cell: str) -> bool:
    """Say whether a cell has a folder or an ending, as the name of a file does.

    >>> looks_like_file("ants/1"), looks_like_file("1.jpg"), looks_like_file("1.5")
    (True, True, False)
    """
    return "/" in cell or "\\" in cell or _ENDING.search(cell) is not None


class PictureIndex:
    """Pictures by the ends of their paths.

    Args:
        pictures: the path of each, by its number.
        table: path of the table that names them, see `beside`.
    """

    def __init__(self, pictures: Mapping[int, str], table: str = "") -> None:
        self.pictures, self.table = pictures, table
        paths = ((number, _parts(name)) for number, name in pictures.items())
        self._parts = {number: parts for number, parts in paths if parts}  # not "\x85", say
        self._all: dict[_Way, _Ends] = {}
        self._quick: set[str] = set()
        self._near: Parts = ()
        self._scopes = [(self._parts, self._all)]

    def beside(self, table: str) -> PictureIndex:
        """Return the same pictures, of which those near a table are meant where two fit."""
        other = copy(self)
        other.table, other._near = table, tuple(map(_folded, _parts(table)[:-1]))
        near = {n: parts for n, parts in self._parts.items() if other._is_near(parts)}
        # Train and val may each have a table, and pictures of the same names.
        is_part = 0 < len(near) < len(self._parts)
        other._scopes = [*([(near, {})] if is_part else []), (self._parts, self._all)]
        return other

    def find(self, cell: str) -> Match | None:
        """Return the picture that a cell names; `None` where it names none, or two."""
        parts = _parts(cell) if len(cell) <= _LONGEST else ()
        if not parts:
            return None
        *above, last = parts
        for way in _WAYS:
            if found := self._by(way, (*above, last)):
                return found
        for other in (_UPLOAD.sub("", last), unquote(last)):
            if other != last:
                for way in _WAYS[1:4]:
                    if found := self._by(way, (*above, other)):
                        return found
        return None

    def might_name(self, cell: str) -> bool:
        """Say quickly whether a cell may name a picture; it never misses a plain file name."""
        if not self._quick:
            lasts = [parts[-1] for parts in self._parts.values()]
            for way in (_folded, _stem, _number):
                self._quick.update(map(way, lasts))
            self._quick.discard("")
        last = cell.replace("\\", "/").rpartition("/")[2] if len(cell) <= _LONGEST else ""
        return any(way(last) in self._quick for way in (_folded, _stem, _number))

    def number(self, cell: str) -> int | None:
        """Return the number of the picture that a cell names, or `None`."""
        match = self.find(cell)
        return match.picture if match else None

    def _by(self, way: _Way, parts: Parts) -> Match | None:
        if not way[1](parts[-1]):
            return None
        found = (self._within(paths, ends, way, parts) for paths, ends in self._scopes)
        return max(filter(None, found), key=lambda match: match.shared, default=None)

    def _within(
        self, paths: Mapping[int, Parts], ends: dict[_Way, _Ends], way: _Way, parts: Parts
    ) -> Match | None:
        if way not in ends:
            ends[way] = _Ends((n, _spelt(way[0], path)) for n, path in paths.items())
        said = _spelt(way[1], parts)
        picture = ends[way].find((*self._near, *said))
        if picture is None:
            return None
        own = _spelt(way[0], self._parts[picture])
        pairs = zip(reversed(own), reversed(said), strict=False)
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        own, said = own[: len(own) - shared], said[: len(said) - shared]
        if _split(own) and _split(said) and _split(own) != _split(said):
            return None  # test/1.jpg is never train/1.jpg
        return Match(picture, shared, bool(own and said))

    def _is_near(self, parts: Parts) -> bool:
        return tuple(map(_folded, parts[: len(self._near)])) == self._near


class _Ends:
    """A tree of paths from their last part to their first; a branch with one path is its number."""

    def __init__(self, paths: Iterable[tuple[int, Parts]]) -> None:
        self._root: dict[str, Any] = {}
        for number, parts in paths:
            self._add(number, parts)

    def _add(self, number: int, parts: Parts) -> None:
        node = self._root
        for depth, part in enumerate(reversed(parts), 1):
            held = node.get(part)
            if held is None:
                node[part] = (number, parts)
                return
            if isinstance(held, tuple):
                before = held[1][:-depth]
                held = node[part] = {before[-1] if before else "": held}
            node = held
        node[""] = (_AMBIGUOUS, parts) if "" in node else (number, parts)

    def find(self, parts: Parts) -> int | None:
        node: Any = self._root.get(parts[-1])
        for part in reversed(parts[:-1]):
            if not isinstance(node, dict) or part not in node:
                break
            node = node[part]
        if isinstance(node, dict):
            node = node.get("")  # the path that ends here, where longer ones go on
        if node is None:
            return None
        number = cast("int", node[0])
        return None if number == _AMBIGUOUS else number


def _parts(path: str) -> Parts:
    text = unicodedata.normalize("NFC", path.strip().strip("\"'").strip())
    text = _LOCAL_FILES.sub("", _SCHEME.sub("", text)).replace("\\", "/")
    return tuple(part.strip() for part in text.split("/") if part.strip() not in ("", "."))


def _spelt(way: Callable[[str], str], parts: Parts) -> Parts:
    above = parts[:-1] if way is _exact else map(_folded, parts[:-1])
    return (*above, way(parts[-1]))


def _exact(name: str) -> str:
    return name


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _stem(name: str) -> str:
    return _ENDING.sub("", _folded(name))


def _number(name: str) -> str:
    """Return a name that is a number without the zeros before it; nothing for other names."""
    match = _NUMBER.fullmatch(_stem(name))
    return match[1].lstrip("0") or "0" if match else ""


# How a picture's name is spelt, and how a cell's, to be the same; the surest first.
_WAYS: tuple[_Way, ...] = (
    (_exact, _exact),
    (_folded, _folded),
    (_stem, _folded),  # a.back for a.back.jpg, which is not a.jpg
    (_stem, _stem),
    (_number, _number),
)


def _split(parts: Parts) -> str | None:
    return next((split for part in reversed(parts) if (split := split_of(part))), None)

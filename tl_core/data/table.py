"""A table that says which class each picture is of: file,label, with a heading or without."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from tl_core.data.dataset import Skipped, Split
from tl_core.data.layout import (
    Layout,
    Place,
    check_places,
    clean_name,
    natural,
    picture_names,
)
from tl_core.data.limits import limits
from tl_core.data.sources import Entry
from tl_core.data.split_words import split_of
from tl_core.escape import encodable

ENDINGS = (".csv", ".tsv")

_LABELS = ("label", "labels", "class", "class_name", "classname", "category", "target", "species",
           "breed", "diagnosis", "tag", "klasse", "classe", "clase")  # fmt: skip
_SPLITS = ("split", "set", "subset", "partition")
_LARGEST = 64 << 20  # bytes of a table
_TRIED = 5  # tables of one source
_SEEN = 1000  # rows that decide which column is which


@dataclass(frozen=True)
class _Columns:
    file: int
    label: int
    split: int | None
    has_heading: bool


def arrange_by_table(entries: Sequence[Entry], source: str) -> Layout | None:
    """Find classes by a table among the files; `None` where none names pictures of 2 classes.

    A table counts if half of its rows name a picture; of several, the one that names most.

    Args:
        entries: the files, the table among them.
        source: what the person calls the source, for the messages.

    Raises:
        UserError: the table has validation or test classes that do not train.
    """
    tables = [n for n, entry in enumerate(entries) if entry.name.lower().endswith(ENDINGS)]
    if not tables:
        return None
    pictures, skipped = picture_names([entry.name for entry in entries])
    tables.sort(key=lambda n: entries[n].name.count("/"))
    found = [
        layout
        for n in tables[:_TRIED]
        if (layout := _by(entries[n], _Known(pictures, entries[n].name), source)) is not None
    ]
    if not found:
        return None
    best = max(found, key=lambda layout: len(layout.places))
    others = [one for one in skipped if not one.path.lower().endswith(ENDINGS)]
    return replace(best, skipped=(*others, *best.skipped))


def _by(table: Entry, known: _Known, source: str) -> Layout | None:
    rows = _rows(table)
    columns = _columns(rows, known)
    if columns is None:
        return None
    return _arranged(rows[columns.has_heading :], columns, known, source)


class _Known:
    """Pictures by the ways in which a table may name them."""

    def __init__(self, pictures: Mapping[int, str], table: str) -> None:
        self.pictures, self.table = pictures, PurePosixPath(table.replace("\\", "/"))
        ways: dict[str, set[int]] = {}
        for index, name in pictures.items():
            path = PurePosixPath(name.replace("\\", "/"))
            ways.setdefault(str(path), set()).add(index)
            if path.is_relative_to(self.table.parent):
                ways.setdefault(str(path.relative_to(self.table.parent)), set()).add(index)
            ways.setdefault(path.name, set()).add(index)
            ways.setdefault(path.stem, set()).add(index)
        self._ways = {way: indices.pop() for way, indices in ways.items() if len(indices) == 1}

    def find(self, text: str) -> int | None:
        """Return the number of the picture that a cell names; `None` where it is none, or two."""
        path = PurePosixPath(text.strip().replace("\\", "/"))
        for way in (str(path), path.name):
            if way in self._ways:
                return self._ways[way]
        return None


def _rows(entry: Entry) -> list[list[str]]:
    """Read a table; of what is none, nothing."""
    if entry.size > _LARGEST:
        return []
    try:
        with entry.open() as stream:
            data = b"".join(_pieces(stream.read(1 << 20) for _ in range(_LARGEST >> 20)))
        text = _decoded(data)
        heading = text.partition("\n")[0]
        delimiter = max(",;\t", key=heading.count)
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        most = limits().entries
        return [row for _, row in zip(range(most), rows, strict=False) if row]
    except Exception:  # no table, or a damaged file in an archive
        return []


def _pieces(read: Iterator[bytes]) -> Iterator[bytes]:
    for piece in read:
        if not piece:
            return
        yield piece


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _columns(rows: Sequence[Sequence[str]], known: _Known) -> _Columns | None:
    """Say which column names the picture and which its class."""
    seen = rows[:_SEEN]
    hits = Counter(
        column
        for row in seen
        for column, cell in enumerate(row[:50])
        if known.find(cell) is not None
    )
    if not hits:
        return None
    file, count = hits.most_common(1)[0]
    if count * 2 < len(seen) - 1:
        return None
    first = [cell.strip().lower() for cell in rows[0]]
    has_heading = len(first) <= file or known.find(rows[0][file]) is None
    heading = first if has_heading else []
    split = next((n for n, name in enumerate(heading) if name in _SPLITS and n != file), None)
    labels = [n for n, name in enumerate(heading) if name in _LABELS and n != file]
    others = [n for n in range(len(first)) if n not in (file, split)]
    if not labels and len(others) != 1:
        return None
    return _Columns(file, min(labels, key=lambda n: _LABELS.index(heading[n])) if labels
                    else others[0], split, has_heading)  # fmt: skip


def _arranged(
    rows: Sequence[Sequence[str]], columns: _Columns, known: _Known, source: str
) -> Layout | None:
    table = known.table.name
    found: dict[int, tuple[str, Split | None]] = {}
    twice: set[int] = set()
    skipped: list[Skipped] = []
    splits = _splits(rows, columns)
    for row, split in zip(rows, splits or [None] * len(rows), strict=True):
        cell = row[columns.file] if len(row) > columns.file else ""
        index = known.find(cell)
        label = clean_name(row[columns.label]) if len(row) > columns.label else ""
        if index is None:
            skipped.append(Skipped(encodable(cell), f"named in {table} and not there"))
        elif not label:
            skipped.append(Skipped(known.pictures[index], f"without a class in {table}"))
        elif found.setdefault(index, (label, split)) != (label, split):
            twice.add(index)
    if len({label for label, _ in found.values()}) < 2:
        return None
    named = {known.pictures[i] for i in known.pictures.keys() - found.keys()}
    without = {one.path for one in skipped}
    skipped += [Skipped(name, f"not in {table}") for name in sorted(named - without)]
    skipped += [Skipped(known.pictures[i], f"in several classes of {table}") for i in sorted(twice)]
    places = tuple(
        Place(index, known.pictures[index], *found[index]) for index in sorted(found.keys() - twice)
    )
    learns = {place.class_name for place in places if place.split in (None, "train")}
    check_places(places, learns, source)
    return Layout(natural(learns), places, splits is not None, tuple(skipped))


def _splits(rows: Sequence[Sequence[str]], columns: _Columns) -> list[Split | None] | None:
    """Return each row's split where the table gives one to all of them."""
    if columns.split is None:
        return None
    words = [row[columns.split].strip().lower() if len(row) > columns.split else "" for row in rows]
    given: list[Split | None] = [split_of(word) for word in words]
    return given if given and None not in given and "train" in given else None

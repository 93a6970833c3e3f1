"""A table that says which class each picture is of: file,label, with a heading or without."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from tl_core.data.dataset import Skipped, Split
from tl_core.data.layout import (
    Layout,
    Place,
    check_places,
    clean_name,
    few,
    natural,
    picture_names,
)
from tl_core.data.limits import limits
from tl_core.data.question import Choice, QuestionError, Told
from tl_core.data.sources import Entry
from tl_core.data.split_words import split_of
from tl_core.errors import UserError
from tl_core.escape import encodable

ENDINGS = (".csv", ".tsv")

_LABELS = ("label", "labels", "class", "class_name", "classname", "category", "target", "species",
           "breed", "diagnosis", "dx", "choice", "emotion", "classid", "class_id", "sentiment",
           "tag", "klasse", "classe", "clase")  # fmt: skip
_FILES = {"file", "filename", "file_name", "image", "images", "image_id", "imageid", "image_name",
          "image_path", "img", "path", "filepath", "file_path", "picture", "photo", "id", "datei",
          "dateiname", "bild"}  # fmt: skip
_INDEX = {"", "unnamed: 0", "index"}
_NAMED = re.compile(r"[/\\]|\.[A-Za-z][A-Za-z0-9]{1,4}$")  # a folder or an ending
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


def arrange_by_table(
    entries: Sequence[Entry], source: str, told: Told | None = None
) -> Layout | None:
    """Find classes by a table among the files; `None` where none names pictures of 2 classes.

    A table counts if half of its rows name a picture; of several, the one that names most.

    Args:
        entries: the files, the table among them.
        source: what the person calls the source, for the messages.
        told: what the person said about the columns.

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
        if (layout := _by(entries[n], _Known(pictures, entries[n].name), source, told or Told()))
        is not None
    ]
    if not found:
        return None
    best = max(found, key=lambda layout: len(layout.places))
    others = [one for one in skipped if not one.path.lower().endswith(ENDINGS)]
    return replace(best, skipped=(*others, *best.skipped))


def _by(table: Entry, known: _Known, source: str, told: Told) -> Layout | None:
    rows = _rows(table)
    columns = _columns(rows, known, told)
    if columns is None:
        return None
    found = _arranged(rows[columns.has_heading :], columns, known, source)
    heading = rows[0] if columns.has_heading else []
    label, file = (
        heading[n].strip() if n < len(heading) else str(n + 1)
        for n in (columns.label, columns.file)
    )
    said = f"labels from column {label!r} of {known.table.name}; pictures by column {file!r}"
    is_label = label.lower() in _LABELS or not columns.has_heading
    return found and replace(found, reading=said, is_headed=is_label)


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


def _columns(rows: Sequence[Sequence[str]], known: _Known, told: Told) -> _Columns | None:
    """Say which column names the picture and which its class: the heading first, then the cells."""
    seen = rows[:_SEEN]
    width = max((min(len(row), 50) for row in seen), default=0)
    cells = [[row[n].strip() if len(row) > n else "" for row in seen] for n in range(width)]
    found = [[known.find(cell) for cell in column] for column in cells]
    hits = [sum(index is not None for index in column) for column in found]
    if not any(hits):
        return None
    first = [cell.strip().lower() for cell in rows[0]]
    headed = all(column[0] is None for column in found if column)
    heading = first if headed else []
    file = _told_column(told.picture_column, heading, width)
    if file is None:
        file = _picture_column(heading, cells, found, hits, known)
    if file is None or (hits[file] * 2 < len(seen) - 1 and not told.picture_column):
        return None
    has_heading = found[file][0] is None
    heading = first if has_heading else []
    split = next((n for n, name in enumerate(heading) if name in _SPLITS and n != file), None)
    labels = [n for n, name in enumerate(heading) if name in _LABELS and n != file]
    label = _told_column(told.label_column, heading, width)
    others = [n for n in range(len(first)) if n not in (file, split)]
    if label is None and not labels:
        others = [n for n in others if not _is_index(n, heading, cells)] if has_heading else others
        if len(others) != 1:
            return None
    if label is None:
        label = min(labels, key=lambda n: _LABELS.index(heading[n])) if labels else others[0]
    return _Columns(file, label, split, has_heading)


def _picture_column(
    heading: Sequence[str],
    cells: Sequence[Sequence[str]],
    found: Sequence[Sequence[int | None]],
    hits: Sequence[int],
    known: _Known,
) -> int | None:
    """Return the column that names the pictures; an index loses to one that names itself."""

    def fits(n: int) -> tuple[bool, bool, bool]:
        called = heading[n] if n < len(heading) else ""
        body = cells[n][bool(heading) :]
        looks = 2 * sum(bool(_NAMED.search(cell)) for cell in body) > len(body)
        return not _is_index(n, heading, cells), looks, called in _FILES

    # One that looks like file names counts even where it names none: then no number may stand in.
    named = [n for n in range(len(cells)) if hits[n] or (fits(n)[1] and fits(n)[2])]
    best = max(map(fits, named))
    equal = [n for n in named if fits(n) == best]
    most = max(hits[n] for n in equal)
    equal = [n for n in equal if hits[n] * 10 >= most * 9]
    # Cells that repeat a few pictures are numbers of classes that happen to be called so.
    varied = [n for n in equal if 2 * len(set(found[n]) - {None}) >= hits[n]] or equal
    if len(cells[0]) > 2 and len({tuple(found[n]) for n in varied}) > 1:
        names = [heading[n] or str(n + 1) if heading else str(n + 1) for n in varied]
        raise QuestionError(
            "picture_column",
            f"Several columns of {known.table.name} could name the pictures, and they name "
            "different ones",
            [
                Choice(name, f"for example {cells[n][-1]!r}")
                for name, n in zip(names, varied, strict=True)
            ],
        )
    return varied[0]


def _is_index(n: int, heading: Sequence[str], cells: Sequence[Sequence[str]]) -> bool:
    called = heading[n] if n < len(heading) else "index"
    return called in _INDEX and all(cell.isdigit() for cell in cells[n][bool(heading) :])


def _told_column(told: str, heading: Sequence[str], width: int) -> int | None:
    if not told:
        return None
    if told.strip().lower() in heading:
        return list(heading).index(told.strip().lower())
    if told.isdecimal() and 0 < int(told) <= width:
        return int(told) - 1
    raise UserError(f"There is no column {told!r} in the table; name one of {few(heading, 20)}.")


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

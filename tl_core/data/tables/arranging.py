"""From tables among the files to classes and splits: the one that names most, or several parts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tl_core.data.dataset import Skipped, Split
from tl_core.data.layout import Layout, Place, check_places, few, natural, picture_names
from tl_core.data.question import Choice, QuestionError, Told
from tl_core.data.sources import Entry
from tl_core.data.split_words import split_of
from tl_core.data.tables.columns import Columns, find_columns
from tl_core.data.tables.matching import Match, PictureIndex
from tl_core.data.tables.rows import ENDINGS, Row, TableError, read_rows, unusable
from tl_core.errors import UserError
from tl_core.escape import encodable

_TRIED = 24  # tables of one source
_SUBMISSION = "submission"  # Kaggle's sample of how answers are to be handed in


@dataclass(frozen=True)
class _Read:
    """One table that says classes.

    Attributes:
        table: its path.
        columns: what they mean.
        places: the class and the split of each picture, by its number.
        skipped: rows and pictures that cannot be used.
        part: the split that the table's own name or folder says.
    """

    table: str
    columns: Columns
    places: Mapping[int, tuple[str, Split | None]]
    skipped: tuple[Skipped, ...]
    part: Split | None

    @property
    def labels(self) -> set[str]:
        return {label for label, _ in self.places.values()}


def is_table(name: str) -> bool:
    """Say whether a file's name is that of a table."""
    return name.lower().endswith(ENDINGS)


def arrange_by_table(
    entries: Sequence[Entry], source: str, told: Told | None = None, named: str = ""
) -> Layout:
    """Find classes by tables among the files.

    A table counts if half of its rows name a picture, or it names half of the pictures. Of
    several, the one that names most is used; tables of parts (train.csv, test.csv) together.

    Args:
        entries: the files, the tables among them.
        source: what the person calls the source, for the messages.
        told: what the person said about the columns.
        named: the one table that the person named.

    Raises:
        QuestionError: a table can be read in several ways, or two tables disagree.
        TableError: none of them says classes; the message says why the first does not.
        UserError: a table has validation or test classes that do not train.
    """
    told = told or Told()
    pictures, skipped = picture_names([entry.name for entry in entries])
    tables = sorted(
        (entry for entry in entries if is_table(entry.name) and (named or told.read_as) in
         ("", entry.name)), key=lambda entry: entry.name.count("/")
    ) or [entry for entry in entries if is_table(entry.name)]  # fmt: skip
    found: list[_Read] = []
    failed: list[UserError] = []
    for table in tables[:_TRIED]:
        try:
            found.append(_read(table, pictures, told))
        except UserError as error:
            failed.append(error)
    if not named:
        found = [one for one in found if _SUBMISSION not in one.table.lower()] or found
    found.sort(key=lambda one: -len(one.places))
    named_most = len(found[0].places) if found else 0
    questions = [error for error in failed if isinstance(error, QuestionError)]
    if questions and 2 * named_most < len(pictures):
        raise questions[0]
    if not found:
        raise failed[0] if failed else TableError(f"There is no table in {source}.")
    layout = _together(_parts(found, source), pictures, source)
    others = [one for one in skipped if not is_table(one.path)]
    return replace(layout, skipped=(*others, *layout.skipped))


def _read(table: Entry, pictures: Mapping[int, str], told: Told) -> _Read:
    rows = read_rows(table)
    index = PictureIndex(pictures, table.name)
    columns = find_columns(rows, index, told)
    body = rows[columns.has_heading :]
    matches = _matches(body, columns, index)
    hits = sum(match is not None for match in matches)
    if 2 * hits < len(body) and 2 * hits < len(pictures) and not told.picture_column:
        cell = next(_cell(r, columns) for r, m in zip(body, matches, strict=True) if not m)
        why = f"{hits:,} of its {len(body):,} rows name pictures that are here ({cell!r} is none)"
        raise unusable(table.name, rows[0], why)
    found: dict[int, tuple[str, Split | None]] = {}
    twice: set[int] = set()
    skipped: list[Skipped] = []
    for row, match in zip(body, matches, strict=True):
        cell = encodable(_cell(row, columns))
        if match is None:
            skipped.append(Skipped(cell, f"named in {table.name} and not there"))
            continue
        picture, label = match.picture, columns.labels.of(row)
        split, unknown = columns.splits.of(row)
        if not label:
            skipped.append(Skipped(pictures[picture], f"without a class in {table.name}"))
        elif unknown:
            reason = f"its split {unknown!r} in {table.name} is not known"
            skipped.append(Skipped(pictures[picture], reason))
        elif found.setdefault(picture, (label, split)) != (label, split):
            twice.add(picture)
    for picture in sorted(twice):
        said = f"in several classes of {table.name}"
        skipped.append(Skipped(pictures[picture], said))
        del found[picture]
    labels = {label for label, _ in found.values()}
    part = _part_of(table.name)
    if not labels or (len(labels) < 2 and part in (None, "train")):
        why = f"it says the same class of all its pictures, {few(labels)}" if labels else (
            "it says no class of any picture")  # fmt: skip
        raise unusable(table.name, rows[0], why)
    return _Read(table.name, columns, found, tuple(skipped), part)


def _cell(row: Row, columns: Columns) -> str:
    number = columns.picture.number
    return row[number].strip() if number < len(row) else ""


def _matches(rows: Sequence[Row], columns: Columns, index: PictureIndex) -> list[Match | None]:
    """Return the picture of each row; of rows that name one in several folders, the nearest.

    Other folders are another computer's where most rows have them; else those rows name pictures
    that are not here.
    """
    found = [index.find(_cell(row, columns)) for row in rows]
    hits = [match for match in found if match]
    are_moved = 2 * sum(match.is_elsewhere for match in hits) > len(hits)
    nearest: dict[int, int] = defaultdict(int)
    for match in hits:
        nearest[match.picture] = max(nearest[match.picture], match.shared)
    return [
        match
        if match
        and match.shared == nearest[match.picture]
        and (are_moved or not match.is_elsewhere)
        else None
        for match in found
    ]


def _part_of(table: str) -> Split | None:
    """Return the split that a table speaks of, by its name or its folder's."""
    *folders, name = table.replace("\\", "/").split("/")
    stem = name.rpartition(".")[0]
    return split_of(stem) or (split_of(folders[-1]) if folders else None)


def _parts(found: Sequence[_Read], source: str) -> list[_Read]:
    """Return the table that names most, and those of the other parts; ask where two disagree."""
    first, *others = found
    used = [first]
    for one in others:
        held = {number: place for read in used for number, place in read.places.items()}
        common = held.keys() & one.places.keys()
        if 2 * len(common) > len(one.places):
            differ = sum(held[number][0] != one.places[number][0] for number in common)
            if differ and 2 * len(one.places) >= len(first.places) and one.columns.is_headed:
                _ask_table(first, one, source)
        elif first.part and one.part and one.part != first.part:
            used.append(one)
    learns = {label for one in used if one.part == "train" for label in one.labels}
    return [one for one in used if one.labels <= learns] if learns else [first]


def _ask_table(first: _Read, other: _Read, source: str) -> None:
    raise QuestionError(
        "read_as",
        f"Two tables of {source} say different classes of the same pictures",
        [
            Choice(one.table, f"the classes are {few(natural(one.labels))}")
            for one in (first, other)
        ],
        beside_folders=True,
    )


def _together(reads: Sequence[_Read], pictures: Mapping[int, str], source: str) -> Layout:
    found: dict[int, tuple[str, Split | None]] = {}
    for one in reads:
        for number, (label, split) in one.places.items():
            found.setdefault(number, (label, split or (one.part if len(reads) > 1 else None)))
    names = ", ".join(one.table for one in reads)
    alike = {one.columns.said(names) for one in reads}
    said = alike.pop() if len(alike) == 1 else "; ".join(r.columns.said(r.table) for r in reads)
    said += "; splits by the tables" if len(reads) > 1 else ""
    if not any(split for _, split in found.values()):
        folders = {number: _folder_split(pictures[number]) for number in found}
        if None not in folders.values() and {"train"} < set(folders.values()):
            found = {number: (label, folders[number]) for number, (label, _) in found.items()}
            said += "; splits by the folders"
    is_given = any(split for _, split in found.values())
    skipped = [one for read in reads for one in read.skipped]
    without = {one.path for one in skipped}
    skipped += [
        Skipped(name, f"not in {names}")
        for number, name in sorted(pictures.items())
        if number not in found and name not in without
    ]
    places = tuple(Place(number, pictures[number], *found[number]) for number in sorted(found))
    learns = {place.class_name for place in places if place.split in (None, "train")}
    check_places(places, learns, source)
    is_headed = all(one.columns.is_headed for one in reads)
    return Layout(natural(learns), places, is_given, tuple(skipped), said, is_headed)


def _folder_split(name: str) -> Split | None:
    folders = name.replace("\\", "/").split("/")[:-1]
    return next((split for folder in folders if (split := split_of(folder))), None)

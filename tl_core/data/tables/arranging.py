"""From tables among the files to classes and splits: the one that names most, or several parts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tl_core.data.dataset import Skipped, Split
from tl_core.data.folder_tree import is_mask_folder
from tl_core.data.layout import Layout, Place, check_places, natural, picture_names
from tl_core.data.question import Choice, QuestionError, Told
from tl_core.data.sources import Entry
from tl_core.data.split_words import split_within
from tl_core.data.tables.columns import Columns, find_columns
from tl_core.data.tables.matching import Match, PictureIndex
from tl_core.data.tables.rows import ENDINGS, Row, TableError, read_rows, unusable
from tl_core.errors import UserError
from tl_core.escape import encodable
from tl_core.words import few

_TRIED = 24  # tables of one source
_LISTED = 1000  # rows about pictures that are not here, one by one; of more, their number
_SUBMISSION = "submission"  # Kaggle's sample of how answers are to be handed in


@dataclass(frozen=True)
class TableLayout(Layout):
    """What tables say of a source.

    Attributes:
        tables: those that were used, by their paths.
        covers: whether they speak of half of its pictures.
        is_headed: whether the headings of their classes mean class.
        is_one_hot: whether each class has a column of its own.
    """

    tables: tuple[str, ...] = ()
    covers: bool = False
    is_headed: bool = True
    is_one_hot: bool = False


@dataclass(frozen=True)
class _Read:
    """One table that says classes.

    Attributes:
        table: its path.
        columns: what they mean.
        places: the class and the split of each picture, by its number.
        skipped: rows and pictures that cannot be used.
        part: the split that the table's own name or folder says.
        keys: the headings of its pictures and classes.
        said: what else people should know.
    """

    table: str
    columns: Columns
    places: Mapping[int, tuple[str, Split | None]]
    skipped: tuple[Skipped, ...]
    part: Split | None
    keys: tuple[str | None, ...]
    said: tuple[str, ...]

    @property
    def labels(self) -> set[str]:
        return {label for label, _ in self.places.values()}


def is_table(name: str) -> bool:
    """Say whether a file's name is that of a table."""
    return name.lower().endswith(ENDINGS)


def arrange_by_table(
    entries: Sequence[Entry], source: str, told: Told | None = None, named: str = ""
) -> TableLayout:
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
    index = PictureIndex({n: p for n, p in pictures.items() if not _is_mask(p)} or pictures)
    tables = sorted(
        (entry for entry in entries if is_table(entry.name) and (named or told.read_as) in
         ("", entry.name)), key=lambda entry: entry.name.count("/")
    ) or [entry for entry in entries if is_table(entry.name)]  # fmt: skip
    found: list[_Read] = []
    failed: dict[str, UserError] = {}
    for table in tables[:_TRIED]:
        try:
            found.append(_read(table, index, told))
        except UserError as error:
            failed[table.name] = error
    if not named:
        found = [one for one in found if _SUBMISSION not in one.table.lower()] or found
    found.sort(key=lambda one: -len(one.places))
    named_most = len(found[0].places) if found else 0
    questions = [error for error in failed.values() if isinstance(error, QuestionError)]
    if questions and 2 * named_most < len(pictures):
        raise questions[0]
    if not found:
        raise next(iter(failed.values()), TableError(f"There is no table in {source}."))
    used = _parts(found, source)
    layout = _together(used, pictures, source)
    left = [table.name for table in tables if table.name not in layout.tables]
    if left:
        layout = replace(layout, reading=f"{layout.reading}; tables not used: {few(left)}")
    others = [one for one in skipped if not is_table(one.path)]
    return replace(layout, skipped=(*others, *layout.skipped))


def _read(table: Entry, index: PictureIndex, told: Told) -> _Read:
    rows, letters = read_rows(table, told.names_in)
    part = _part_of(table.name)
    pictures = index.pictures
    if part:  # train.csv says nothing of what lies in a folder for testing
        pool = {n: p for n, p in pictures.items() if _folder_split(p) in (None, part)}
        index = PictureIndex(pool) if 0 < len(pool) < len(pictures) else index
    index = index.beside(table.name)
    columns = find_columns(rows, index, told)
    body = rows[columns.has_heading :]
    matches = _matches(body, columns, index)
    hits = sum(match is not None for match in matches)
    if 2 * hits < len(body) and 2 * hits < len(pictures) and not told.picture_column:
        cell = next(columns.picture.of(r) for r, m in zip(body, matches, strict=True) if not m)
        why = f"{hits:,} of its {len(body):,} rows name pictures that are here ({cell!r} is none)"
        raise unusable(table.name, rows[0], why)
    places, skipped = _placed(table.name, zip(body, matches, strict=True), columns, pictures)
    labels = {label for label, _ in places.values()}
    if not labels or (len(labels) < 2 and part in (None, "train")):
        why = f"it says the same class of all its pictures, {few(labels)}" if labels else (
            "it says no class of any picture")  # fmt: skip
        raise unusable(table.name, rows[0], why)
    keys = tuple(column.key for column in (columns.picture, *columns.labels.columns))
    said = [letters] if letters else []
    if (missing := len(body) - hits) > _LISTED:
        said.append(f"{missing:,} of {len(body):,} rows name no picture that is here")
    return _Read(table.name, columns, places, tuple(skipped), part, keys, tuple(said))


def _placed(
    table: str,
    rows: Iterable[tuple[Row, Match | None]],
    columns: Columns,
    pictures: Mapping[int, str],
) -> tuple[dict[int, tuple[str, Split | None]], list[Skipped]]:
    """Return the class and split of each picture, and what cannot be used."""
    found: dict[int, tuple[str, Split | None]] = {}
    twice: set[int] = set()
    skipped: list[Skipped] = []
    for row, match in rows:
        if match is None:
            if len(skipped) < _LISTED:
                cell = encodable(columns.picture.of(row))
                skipped.append(Skipped(cell, f"named in {table} and not there"))
            continue
        picture, label = match.picture, columns.labels.of(row)
        split, unknown = columns.splits.of(row)
        if not label:
            skipped.append(Skipped(pictures[picture], f"without a class in {table}"))
        elif unknown:
            reason = f"its split {unknown!r} in {table} is not known"
            skipped.append(Skipped(pictures[picture], reason))
        elif found.setdefault(picture, (label, split)) != (label, split):
            twice.add(picture)
    for picture in sorted(twice):
        skipped.append(Skipped(pictures[picture], f"in several classes of {table}"))
        del found[picture]
    return found, skipped


def _matches(rows: Sequence[Row], columns: Columns, index: PictureIndex) -> list[Match | None]:
    """Return the picture of each row; of rows that name one in several folders, the nearest.

    Other folders are another computer's where most rows have them; else those rows name pictures
    that are not here.
    """
    found = [index.find(columns.picture.of(row)) for row in rows]
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
    return split_within(stem) or (split_within(folders[-1]) if folders else None)


def _parts(found: Sequence[_Read], source: str) -> list[_Read]:
    """Return the table that names most, and those that go with it; ask where two disagree.

    What goes with it: tables of other splits, tables of other folders or numbers with the same
    headings, and lists of parts of the same pictures.
    """
    first = found[0]
    learning = [one for one in found if one.part == "train"]
    if learning and not any(first.places.keys() & one.places.keys() for one in learning):
        first = learning[0]
    used, held = [first], dict(first.places)
    for one in found:
        if one is first:
            continue
        common = held.keys() & one.places.keys()
        if common:
            differ = sum(held[number][0] != one.places[number][0] for number in common)
            if differ and one.columns.is_headed:
                _ask_table(first, one, source)
            belongs = not differ and one.part and not first.part
        else:
            is_other_split = first.part and one.part and one.part != first.part
            belongs = is_other_split or _are_pieces(first, one)
        if belongs:
            used.append(one)
            held |= one.places
    learns = {label for one in used if one.part in ("train", None) for label in one.labels}
    return [read for one in used if (read := _spelt_as(one, learns)).labels <= learns] or [first]


def _are_pieces(one: _Read, other: _Read) -> bool:
    """Say whether two tables were one: each in the folder of its pictures, or part 1 and part 2."""
    (above, name), (beside, called) = (read.table.rpartition("/")[::2] for read in (one, other))
    is_alike = re.sub(r"\d+", "", name) == re.sub(r"\d+", "", called)
    return one.keys == other.keys and is_alike and (above, name) != (beside, called)


def _spelt_as(read: _Read, learns: set[str]) -> _Read:
    """Spell the classes of another table as the ones that learn: Cat as cat, 0.0 as 0."""
    plain = {_plain(label): label for label in sorted(learns)}
    places = {
        number: (label if label in learns else plain.get(_plain(label), label), split)
        for number, (label, split) in read.places.items()
    }
    return replace(read, places=places)


def _plain(label: str) -> str:
    return re.sub(r"\.0+$", "", label.casefold())


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


def _together(reads: Sequence[_Read], pictures: Mapping[int, str], source: str) -> TableLayout:
    found: dict[int, tuple[str, Split | None]] = {}
    are_parts = len({one.part for one in reads} - {None}) > 1
    for one in reads:
        part = one.part if are_parts else None
        for number, (label, split) in one.places.items():
            if found.get(number, (label, None))[1] is None:
                found[number] = (label, split or part)
    names = ", ".join(one.table for one in reads)
    alike = {one.columns.said(names) for one in reads}
    said = alike.pop() if len(alike) == 1 else "; ".join(r.columns.said(r.table) for r in reads)
    said += "; splits by the tables" if are_parts else ""
    said += "".join(f"; {word}" for one in reads for word in one.said)
    if not any(split for _, split in found.values()):
        folders = {number: _folder_split(pictures[number]) for number in found}
        if {"train"} < {split for split in folders.values() if split}:
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
    return TableLayout(
        natural(learns), places, is_given, tuple(skipped), said,
        tables=tuple(one.table for one in reads),
        covers=2 * len(places) >= len(pictures),
        is_headed=all(one.columns.is_headed for one in reads),
        is_one_hot=reads[0].columns.are_one_hot,
    )  # fmt: skip


def _folders(name: str) -> list[str]:
    return name.replace("\\", "/").split("/")[:-1]


def _folder_split(name: str) -> Split | None:
    return next((split for folder in _folders(name) if (split := split_within(folder))), None)


def _is_mask(name: str) -> bool:
    """Say whether a picture lies in a folder of masks; tables name the pictures beside it."""
    return any(map(is_mask_folder, _folders(name)))

"""A sample of a table's rows, as columns: what decides which column means what."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from tl_core.data.split_words import says_no, says_yes
from tl_core.data.tables.headings import PICTURES, key_of
from tl_core.data.tables.matching import PictureIndex, looks_like_file
from tl_core.data.tables.rows import Row, unusable
from tl_core.errors import UserError
from tl_core.words import few

_SEEN = 2000  # rows
_CELLS = 200_000
_WIDEST = 1000  # columns
_LOOKED_AT = 50  # cells of a row that is asked whether it names a picture
_DIGITS = 19  # of a number that counts rows
_NOTHING = {"", "nan", "na", "n/a", "<na>", "null", "nat", "-", "--", "?", ".", "\\n", "#n/a",
            "#nv", "#ref!", "#value!", "#null!", "(blank)", "(leer)"}  # fmt: skip
_INDEX = {"", "index", "level_0", "row", "row_id", "row_number", "rownum", "nr", "no", "#", "sno"}


@dataclass(frozen=True)
class Column:
    """One column of the sample.

    Attributes:
        number: from 0.
        name: what its heading says, as it stands; its number from 1 where there is none.
        key: the heading in small letters, words joined by `_`; `None` in a table without headings.
        cells: of the sample's rows, without the heading.
        found: the picture that each cell names, or `None`.
    """

    number: int
    name: str
    key: str | None
    cells: tuple[str, ...]
    found: tuple[int | None, ...]

    def of(self, row: Row) -> str:
        """Return a row's cell; empty where the row is too short."""
        return row[self.number].strip() if self.number < len(row) else ""

    @cached_property
    def hits(self) -> int:
        """How many cells name a picture."""
        return sum(picture is not None for picture in self.found)

    @cached_property
    def is_varied(self) -> bool:
        """Whether its cells name many pictures; numbers of classes name the same few."""
        return 2 * len(set(self.found) - {None}) >= self.hits > 0

    @cached_property
    def filled(self) -> tuple[str, ...]:
        """The cells that are not empty."""
        return tuple(cell for cell in self.cells if not is_empty(cell))

    @cached_property
    def looks_like_files(self) -> bool:
        """Whether most cells have a folder or an ending."""
        return 2 * sum(map(looks_like_file, self.filled)) > len(self.filled)

    @cached_property
    def is_number(self) -> bool:
        """Whether its cells are numbers."""
        return all(cell.replace(".", "", 1).isdecimal() for cell in self.filled)

    @cached_property
    def is_index(self) -> bool:
        """Whether it counts the rows, as pandas and spreadsheets write."""
        if not all(cell.isdecimal() and len(cell) < _DIGITS for cell in self.filled):
            return False
        if self.key is None:
            numbers = [int(cell) for cell in self.filled]
            return all(a < b for a, b in pairwise(numbers))
        return self.key in _INDEX or self.key.startswith("unnamed")


@dataclass(frozen=True)
class Sample:
    """Some rows of a table.

    Attributes:
        table: its path.
        columns: its columns.
        has_heading: whether its first row names them.
    """

    table: str
    columns: tuple[Column, ...]
    has_heading: bool

    def told(self, name: str) -> Column | None:
        """Return the column that a person named, by heading or number; `None` for no name.

        Raises:
            UserError: there is none.
        """
        if not name:
            return None
        for column in self.columns:
            if name.strip() == column.name or (column.key and key_of(name) == column.key):
                return column
        if name.isdecimal() and 0 < int(name) <= len(self.columns):
            return self.columns[int(name) - 1]
        raise UserError(
            f"There is no column {name!r} in {self.table}; name one of "
            f"{few([column.name for column in self.columns], 20)}."
        )


def take_sample(rows: Sequence[Row], index: PictureIndex) -> Sample:
    """Return a sample of a table, spread over its rows."""
    width = max(map(len, rows))
    if width > _WIDEST:
        raise unusable(index.table, rows[0][:3], f"it has {width:,} columns, more than {_WIDEST:,}")
    most = min(_SEEN, max(_CELLS // width, 100))
    body = _chosen(rows, index, most)
    first = [rows[0][n].strip() if n < len(rows[0]) else "" for n in range(width)]
    columns = []
    for n in range(width):
        cells = tuple(row[n].strip() if n < len(row) else "" for row in body)
        columns.append(Column(n, str(n + 1), None, cells, tuple(map(index.number, cells))))
    has_heading = not any(_is_of(first[column.number], column, index) for column in columns)
    pairs = zip(columns, first, strict=True)
    if has_heading:
        columns = [replace(c, name=cell or c.name, key=key_of(cell)) for c, cell in pairs]
    else:
        columns = [
            replace(c, cells=(cell, *c.cells), found=(index.number(cell), *c.found))
            for c, cell in pairs
        ]
    return Sample(index.table, tuple(columns), has_heading)


def _chosen(rows: Sequence[Row], index: PictureIndex, most: int) -> list[Row]:
    """Return rows by chance, because tables have a rhythm; half of them name a picture if any do.

    Of a million rows a few may be about what is here.
    """
    numbers = range(1, len(rows))
    if len(numbers) <= most:
        return list(rows[1:])
    chance = random.Random(0)  # noqa: S311
    naming = [n for n in numbers if any(map(index.might_name, rows[n][:_LOOKED_AT]))]
    chosen = set(chance.sample(naming, min(most // 2, len(naming))))
    chosen |= set(chance.sample(numbers, most - len(chosen)))
    return [rows[n] for n in sorted(chosen)]


def is_empty(cell: str) -> bool:
    """Say whether a cell says nothing; pandas and spreadsheets write some words for that."""
    return cell.strip().lower() in _NOTHING


def is_yes_or_no(column: Column) -> bool:
    """Say whether all cells are yes or no; empty ones are no."""
    return bool(column.filled) and all(says_yes(cell) or says_no(cell) for cell in column.cells)


def _is_of(cell: str, column: Column, index: PictureIndex) -> bool:
    """Say whether the first cell is one like those below it, and so no heading."""
    if not column.is_varied and not (column.looks_like_files and looks_like_file(cell)):
        return False
    if key_of(cell) in PICTURES:
        return False
    if index.find(cell) or (column.looks_like_files and looks_like_file(cell)):
        return True
    return cell.isdecimal() and all(other.isdecimal() for other in column.filled)

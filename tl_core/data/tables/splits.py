"""The split of each row: a column of words, columns of yes and no, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tl_core.data.dataset import Split
from tl_core.data.split_words import flagged_split, split_of
from tl_core.data.tables.headings import FOLDS, SPLITS
from tl_core.data.tables.rows import Row
from tl_core.data.tables.sample import Column, is_empty

_SURELY = SPLITS - {"dataset", "data_set", "set", "phase", "purpose", "usage"}
_UNASSIGNED = {"unassigned", "none", "all", "-"}  # AutoML: divide it yourself


@dataclass(frozen=True)
class SplitColumns:
    """The columns that divide the pictures.

    Attributes:
        columns: one of words, or several of yes and no; none where the table divides nothing.
        are_flags: whether they are of yes and no.
        said: what of them was used, or why not, in a few words.
    """

    columns: tuple[Column, ...] = ()
    are_flags: bool = False
    said: str = ""

    def of(self, row: Row) -> tuple[Split | None, str]:
        """Return a row's split, `None` for one that has none, and the word that is not known."""
        cells = [row[c.number].strip() if c.number < len(row) else "" for c in self.columns]
        if self.are_flags:
            flags = zip(self.columns, cells, strict=True)
            said = [flagged_split(column.key or "", cell) for column, cell in flags]
            return _first(said), ""
        for cell in cells:
            if not is_empty(cell) and cell.lower() not in _UNASSIGNED:
                split = split_of(cell)
                return split, "" if split else cell
        return None, ""


def find_splits(columns: Sequence[Column]) -> SplitColumns:
    """Find what divides the pictures among the columns that do not name them."""
    for column in columns:
        words = [cell for cell in column.filled if cell.lower() not in _UNASSIGNED]
        splits = [split_of(word) for word in words]
        known = set(splits) - {None}
        is_all = None not in splits and len(known) > 1
        if "train" in known and (is_all or (column.key in SPLITS and len(known) > 1)):
            return SplitColumns((column,), said=f"splits from column {column.name!r}")
        if words and column.key in _SURELY and not known:
            return SplitColumns(said=f"column {column.name!r} says no split that is known")
    if flags := [column for column in columns if _is_flag(column)]:
        names = ", ".join(repr(column.name) for column in flags)
        return SplitColumns(tuple(flags), True, f"splits from column {names}")
    for column in columns:
        if column.key in FOLDS:
            return SplitColumns(said=f"column {column.name!r} is of folds and was not used")
    return SplitColumns()


def _is_flag(column: Column) -> bool:
    key = column.key or ""
    name = key.removeprefix("is_").removeprefix("in_").removeprefix("for_")
    if split_of(name) is None or not column.filled:
        return False
    said = {flagged_split(key, cell) for cell in column.filled}
    return None not in said and len(said) > 1


def _first(said: Sequence[Split | None]) -> Split | None:
    """Return what several flags say together: `is_valid` no and `is_test` yes is test."""
    return next((split for split in said if split not in (None, "train")), said[0])

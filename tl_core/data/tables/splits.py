"""The split of each row: a column of words, columns of yes and no, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tl_core.data.dataset import Split
from tl_core.data.split_words import says_yes, split_of
from tl_core.data.tables.headings import SPLITS
from tl_core.data.tables.rows import Row
from tl_core.data.tables.sample import Column, is_empty, is_yes_or_no

_UNASSIGNED = {"unassigned", "none", "all", "-"}  # AutoML: divide it yourself


@dataclass(frozen=True)
class SplitColumns:
    """The columns that divide the pictures.

    Attributes:
        columns: one of words, or several of yes and no; none where the table divides nothing.
        are_flags: whether they are of yes and no.
        train: the word, not known otherwise, that must mean training because the others do not.
    """

    columns: tuple[Column, ...] = ()
    are_flags: bool = False
    train: str = ""

    @property
    def said(self) -> str:
        """What divides the pictures, in a few words; nothing where nothing does."""
        names = ", ".join(repr(column.name) for column in self.columns)
        taken = f", where {self.train!r} is taken for training" if self.train else ""
        return f"splits from column {names}{taken}" if names else ""

    def of(self, row: Row) -> tuple[Split | None, str]:
        """Return a row's split, `None` for one that has none, and the word that is not known."""
        if self.are_flags:
            return self._flagged(row)
        for cell in (column.of(row) for column in self.columns):
            if not is_empty(cell) and cell.lower() not in _UNASSIGNED:
                split: Split | None = "train" if cell == self.train else split_of(cell)
                return split, "" if split else cell
        return None, ""

    def _flagged(self, row: Row) -> tuple[Split | None, str]:
        """Return what several flags say together: the one that says yes, or what none means."""
        meant = [(flag_of(column), says_yes(column.of(row))) for column in self.columns]
        said = {split for split, is_so in meant if split and is_so}
        if len(said) == 1:
            return said.pop(), ""
        if said:
            return None, " and ".join(sorted(said))
        if "train" not in {split for split, _ in meant}:
            return "train", ""
        return ("test", "") if len(meant) == 1 else (None, "no flag")


def find_splits(columns: Sequence[Column]) -> SplitColumns:
    """Find what divides the pictures among the columns that do not name them."""
    for column in columns:
        words = {cell for cell in column.filled if cell.lower() not in _UNASSIGNED}
        known = {word: split for word in words if (split := split_of(word))}
        strange = words - known.keys()
        kinds = set(known.values())
        if "train" in kinds and len(kinds) > 1 and (not strange or column.key in SPLITS):
            return SplitColumns((column,))
        if kinds and "train" not in kinds and len(strange) == 1 and column.key in SPLITS:
            return SplitColumns((column,), train=strange.pop())
    flags = tuple(column for column in columns if flag_of(column) and _divides(column))
    return SplitColumns(flags, bool(flags))


def flag_of(column: Column) -> Split | None:
    """Return the split that a yes means below a heading such as `is_valid`."""
    key = column.key or ""
    for word in ("is", "in", "for"):
        key = key.removeprefix(f"{word}_")
    return split_of(key)


def _divides(column: Column) -> bool:
    return is_yes_or_no(column) and len(set(map(says_yes, column.cells))) > 1

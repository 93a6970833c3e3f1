"""The class of each row: one column, or a column for each class with a single yes in a row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tl_core.data.layout import clean_name
from tl_core.data.question import FOLDERS, Choice, QuestionError
from tl_core.data.split_words import says_yes
from tl_core.data.tables.headings import FOLDS, LABELS, MEASURES
from tl_core.data.tables.rows import Row, unusable
from tl_core.data.tables.sample import Column, Sample, is_empty, is_yes_or_no
from tl_core.words import few

_FRACTION = re.compile(r"[+-]?\d*[.,]\d+(e[+-]?\d+)?", re.IGNORECASE)
_DATE = re.compile(r"\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{4}")


@dataclass(frozen=True)
class LabelColumns:
    """The columns that say the classes.

    Attributes:
        columns: one whose cells are the classes, or one for each class (one-hot).
    """

    columns: tuple[Column, ...]

    def of(self, row: Row) -> str:
        """Return a row's class; nothing where it says none."""
        if len(self.columns) == 1:
            cell = self.columns[0].of(row)
            return "" if is_empty(cell) else clean_name(cell)
        said = [column.name for column in self.columns if says_yes(column.of(row))]
        return clean_name(said[0]) if len(said) == 1 else ""


def find_labels(sample: Sample, first: Row, columns: Sequence[Column], told: str) -> LabelColumns:
    """Find what says the classes among columns that name neither pictures nor splits.

    Args:
        sample: of the table.
        first: the table's first row, for the messages.
        columns: the columns.
        told: the column that the person named, or several with commas between; or nothing.

    Raises:
        QuestionError: several columns could say the classes, and they disagree.
        TableError: none can.
        UserError: the person named a column that is not there.
    """
    if told:
        return LabelColumns(_told(sample, told))
    named = [c for c in columns if c.key in LABELS and c.filled and _may_be_headed(c)]
    if named:
        return LabelColumns((_of_headed(sample, named),))
    rest = [c for c in columns if not c.is_index and c.key not in FOLDS]
    flags = tuple(c for c in rest if is_yes_or_no(c) and c.key not in MEASURES)
    others = [c for c in rest if c not in flags and _may_be_classes(c, sample)]
    choices: list[tuple[Column, ...]] = [(c,) for c in others if c.key not in MEASURES]
    if sample.has_heading and is_one_hot(flags):
        choices.append(flags)
    else:
        choices += [(column,) for column in flags if len(set(column.cells)) > 1]
    measures = [(column,) for column in others if column.key in MEASURES]
    if len(choices) > 1 or (not choices and measures):
        _ask(sample, choices or measures, are_several=len(flags) > 2 and not others)
    if not choices:
        raise unusable(sample.table, first, "no column says which class a picture is of; head it "
                       "with the word label, or name it with --label-column")  # fmt: skip
    return LabelColumns(choices[0])


def _of_headed(sample: Sample, named: Sequence[Column]) -> Column:
    """Return the column that says the classes in words, of those whose headings mean class."""
    varied = [column for column in named if len(set(column.filled)) > 1] or list(named)
    first = min(varied, key=lambda column: (column.is_number, LABELS[column.key or ""]))
    if not all(_same_classes(first, column) for column in varied):
        _ask(sample, [(column,) for column in varied], are_headed=True)
    return first


def _told(sample: Sample, told: str) -> tuple[Column, ...]:
    names = [column.name for column in sample.columns]
    parts = [told] if told.strip() in names else [part for part in told.split(",") if part.strip()]
    return tuple(column for part in parts if (column := sample.told(part.strip())))


def _ask(
    sample: Sample,
    choices: Sequence[tuple[Column, ...]],
    *,
    are_several: bool = False,
    are_headed: bool = False,
) -> None:
    several = (
        "; some rows say yes in several of them, and a picture can be of one class only"
        if are_several else ""
    )  # fmt: skip
    which = "Several columns" if len(choices) > 1 else "One column"
    raise QuestionError(
        "label_column",
        f"{which} of {sample.table} could say the classes{several}",
        [
            *(Choice(",".join(c.name for c in columns), _example(columns)) for columns in choices),
            Choice(FOLDERS, "the table is left aside and the folders say the classes"),
        ],
        beside_folders=are_headed,
    )


def _example(columns: Sequence[Column]) -> str:
    if len(columns) > 1:
        return f"the classes are {few([column.name for column in columns])}"
    return f"the classes are {few(sorted(set(columns[0].filled)))}"


def _same_classes(a: Column, b: Column) -> bool:
    """Say whether two columns divide the rows alike, in other words: 0 and cat, 1 and dog."""
    pairs = {(x, y) for x, y in zip(a.cells, b.cells, strict=True) if x and y}
    return len(pairs) == len({x for x, _ in pairs}) == len({y for _, y in pairs})


def is_one_hot(columns: Sequence[Column]) -> bool:
    """Say whether each row says yes in one of several columns, as one-hot labels do."""
    if len(columns) < 2:
        return False
    counts = [sum(map(says_yes, cells)) for cells in zip(*(c.cells for c in columns), strict=True)]
    return max(counts) == 1 and 2 * sum(counts) >= len(counts)


def _may_be_headed(column: Column) -> bool:
    """Say whether what is headed as classes is: no files, and no measures."""
    kinds = len(set(column.filled))
    are_files = column.looks_like_files and 2 * kinds > len(column.filled)
    return not are_files and not _are_fractions(column)


def _may_be_classes(column: Column, sample: Sample) -> bool:
    """Say whether cells may be classes: few and often, no measures, no dates, no files."""
    cells, kinds = column.filled, len(set(column.filled))
    if kinds < 2 or column.is_index or (column.looks_like_files and 2 * kinds > len(cells)):
        return False
    if len(sample.columns) == 2 and not column.is_number:
        return True
    if 2 * kinds > len(cells) or any(map(_DATE.match, cells)):
        return False
    return not _are_fractions(column)


def _are_fractions(column: Column) -> bool:
    cells = column.filled
    return any(_FRACTION.fullmatch(c) and float(c.replace(",", ".")) % 1 for c in cells)

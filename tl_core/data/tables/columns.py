"""Which column of a table names the picture, which its class, and which its split.

The heading decides first, then the cells; what fits in several ways is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tl_core.data.question import Choice, QuestionError, Told
from tl_core.data.tables.headings import LABELS, MEASURES, PICTURES
from tl_core.data.tables.labels import LabelColumns, find_labels, is_one_hot
from tl_core.data.tables.matching import PictureIndex
from tl_core.data.tables.rows import Row, unusable
from tl_core.data.tables.sample import Column, Sample, is_yes_or_no, take_sample
from tl_core.data.tables.splits import SplitColumns, find_splits, flag_of
from tl_core.words import few


@dataclass(frozen=True)
class Columns:
    """What the columns of a table mean.

    Attributes:
        picture: the column that names the pictures.
        labels: the column of the classes, or one for each class.
        splits: the columns that divide the pictures; none in most tables.
        unused: the names of the others, but for an index and measures.
        has_heading: whether the first row names the columns.
    """

    picture: Column
    labels: LabelColumns
    splits: SplitColumns
    unused: tuple[str, ...]
    has_heading: bool

    @property
    def is_headed(self) -> bool:
        """Whether the heading of the classes means class, and no list of sizes is taken for one."""
        return not self.has_heading or self.labels.columns[0].key in LABELS

    @property
    def are_one_hot(self) -> bool:
        """Whether each class has a column of its own."""
        return len(self.labels.columns) > 1

    def said(self, table: str) -> str:
        """Return how the table was read, in one line."""
        label = few([column.name for column in self.labels.columns])
        what = "column" if len(self.labels.columns) == 1 else "columns"
        read = f"labels from {what} {label} of {table}; pictures by column {self.picture.name!r}"
        left = f"not used: {few(self.unused, 8)}" if self.unused else ""
        return "; ".join(filter(None, [read, self.splits.said, left]))


def find_columns(rows: Sequence[Row], index: PictureIndex, told: Told) -> Columns:
    """Say what the columns of a table mean.

    Raises:
        QuestionError: they can be read in several ways.
        TableError: none names pictures that are here, or none says classes.
        UserError: the person named a column that is not there.
    """
    sample = take_sample(rows, index)
    if len(sample.columns[0].cells) < 2:
        raise unusable(sample.table, rows[0], "it has fewer than 2 rows below its first")
    picture = sample.told(told.picture_column) or _picture_column(sample)
    if picture is None or not (picture.hits or told.picture_column):
        column = picture or next(iter(sample.columns))
        example = next(iter(column.filled), "")
        raise unusable(
            sample.table,
            rows[0],
            f"no column names pictures that are here (for example {example!r} is none of them)",
        )
    others = [column for column in sample.columns if column is not picture]
    flags = [column for column in others if is_yes_or_no(column)]
    # A class may be called train: then it is one of several that are no splits.
    are_classes = is_one_hot(flags) and not all(map(flag_of, flags))
    splits = find_splits([column for column in others if not are_classes or column not in flags])
    rest = [column for column in others if column not in splits.columns]
    labels = find_labels(sample, rows[0], rest, told.label_column)
    used = (picture, *labels.columns, *splits.columns)
    unused = tuple(
        c.name
        for c in sample.columns
        if c not in used and c.filled and not c.is_index and c.key not in MEASURES
    )
    return Columns(picture, labels, splits, unused, sample.has_heading)


def _picture_column(sample: Sample) -> Column | None:
    """Return the column that names the pictures; an index loses to one that names itself."""

    def fits(column: Column) -> tuple[bool, bool, bool]:
        return not column.is_index, column.looks_like_files, column.key in PICTURES

    # One that looks like file names counts even where it names none: then no number may stand in.
    named = [c for c in sample.columns if c.hits or (c.looks_like_files and c.key in PICTURES)]
    # Cells that repeat a few pictures are numbers of classes that happen to be called so.
    named = [c for c in named if c.is_varied or not c.hits] or named
    if sample.has_heading:
        named = [c for c in named if c.key not in LABELS or not c.is_number] or named
    if not named:
        return None
    best = max(map(fits, named))
    equal = [column for column in named if fits(column) == best]
    most = max(column.hits for column in equal)
    equal = [column for column in equal if column.hits * 10 >= most * 9]
    if len(sample.columns) > 2 and len({column.found for column in equal}) > 1:
        raise QuestionError(
            "picture_column",
            f"Several columns of {sample.table} could name the pictures, and they name "
            "different ones",
            [Choice(c.name, f"for example {c.filled[-1]!r}") for c in equal],
            beside_folders=best[1] or best[2],
        )
    return equal[0]

"""How a source is read: by the word of a table among its files, or by its folders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tl_core.data.dataset import Skipped
from tl_core.data.folder_tree import says_no_class
from tl_core.data.layout import Layout, arrange, natural
from tl_core.data.question import FOLDERS, Choice, QuestionError, Told
from tl_core.data.sources import Entry
from tl_core.data.tables.arranging import TableLayout, arrange_by_table, is_table
from tl_core.errors import UserError
from tl_core.escape import encodable
from tl_core.words import few


def read_layout(
    entries: Iterable[Entry], title: str, told: Told, table: str = ""
) -> tuple[Layout, list[Entry]]:
    """Say which class and split each file is of, by a table among them or by their folders.

    Args:
        entries: the files.
        title: what the person calls the source, for the messages.
        told: what the person said about how it is to be read.
        table: the table that the person named; then it is used, or refused.

    Returns:
        The layout, and the files that its places count in.

    Raises:
        QuestionError: it can be read in several ways.
        UserError: nothing says the classes.
    """
    found, refused = _without_refused(entries)
    layout = _read(found, title, told, table)
    said = [layout.reading, *sorted({entry.said for entry in found if entry.said})]
    layout = replace(layout, reading="; ".join(said), skipped=(*refused, *layout.skipped))
    return layout, found


def _read(entries: Sequence[Entry], title: str, told: Told, table: str) -> Layout:
    """Take a table's word where it speaks of half of the pictures, else that of the folders.

    Beside class folders it counts only where its heading means label, or the person named it.
    """
    names = [entry.name for entry in entries]
    tables = [name for name in names if is_table(name)]
    if told.by_folders or not tables:
        return arrange(names, title, told.read_as)
    is_named = bool(table or told.picture_column or told.label_column or told.read_as in tables)
    by_table, failed = None, None
    try:
        by_table = arrange_by_table(entries, title, told, table)
    except UserError as error:
        if is_named or (isinstance(error, QuestionError) and error.beside_folders):
            raise
        failed = error
    if by_table and is_named:
        return by_table
    try:
        by_folders = arrange(names, title, told.read_as)
    except UserError as error:
        if by_table and (by_table.covers or not isinstance(error, QuestionError)):
            return by_table
        is_asked = isinstance(error, QuestionError) and len(error.choices) > 1
        raise error if is_asked else failed or error from None
    say_nothing = all(map(says_no_class, by_folders.classes))
    if by_table is None:
        if say_nothing and failed:
            raise failed
    elif say_nothing or (by_table.is_headed and by_table.covers):
        return _in_words(by_table, by_folders)
    elif by_table.is_one_hot and by_table.covers and not told.read_as:
        _ask(by_table, by_folders)
    reading = f"{by_folders.reading}; not used: {few(tables)}"
    return replace(by_folders, reading=reading)


def _in_words(by_table: Layout, by_folders: Layout) -> Layout:
    """Call the numbers that a table has for classes as the folders do, where both agree."""
    by_number = {place.index: place.class_name for place in by_folders.places}
    pairs = {(p.class_name, by_number.get(p.index, "")) for p in by_table.places}
    called = dict(pairs)
    agree = len(pairs) == len(called) == len(set(called.values())) and "" not in called.values()
    numbers = [name.replace(".", "", 1).isdecimal() for name in called]
    words = [name.isdecimal() for name in called.values()]
    if not agree or not all(numbers) or any(words):
        return by_table
    return replace(
        by_table,
        classes=natural(called[name] for name in by_table.classes),
        places=tuple(replace(p, class_name=called[p.class_name]) for p in by_table.places),
        reading=f"{by_table.reading}; called as the folders are",
    )


def _ask(by_table: TableLayout, by_folders: Layout) -> None:
    table = by_table.tables[0]
    raise QuestionError(
        "read_as",
        f"The columns of {table} and the folders say different classes",
        [
            Choice(FOLDERS, f"the classes are {few(by_folders.classes)}"),
            Choice(table, f"the classes are {few(by_table.classes)}"),
        ],
    )


def _without_refused(entries: Iterable[Entry]) -> tuple[list[Entry], list[Skipped]]:
    found = list(entries)
    refused = [Skipped(encodable(e.name), e.refused) for e in found if e.refused]
    return [entry for entry in found if not entry.refused], refused

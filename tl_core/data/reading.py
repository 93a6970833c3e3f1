"""How a source is read: by the word of a table among its files, or by its folders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tl_core.data.dataset import Skipped
from tl_core.data.layout import Layout, arrange, few, picture_names
from tl_core.data.question import QuestionError, Told
from tl_core.data.sources import Entry
from tl_core.data.tables.arranging import arrange_by_table, is_table
from tl_core.errors import UserError
from tl_core.escape import encodable


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
    is_named = bool(table or told.picture_column or told.label_column)
    if told.by_folders or not any(map(is_table, names)):
        return arrange(names, title, told.read_as)
    by_table, failed = None, None
    try:
        by_table = arrange_by_table(entries, title, told, table)
        half = 2 * len(by_table.places) >= len(picture_names(names)[0])
        if is_named or told.read_as in names or (by_table.is_headed and half):
            return by_table
    except UserError as error:
        if is_named or (isinstance(error, QuestionError) and error.beside_folders):
            raise
        failed = error
    try:
        layout = arrange(names, title, told.read_as)
    except QuestionError:
        raise
    except UserError as error:
        if by_table:
            return by_table
        raise failed or error from None
    unused = few([name for name in names if is_table(name)])
    return replace(layout, reading=f"{layout.reading}; not used: {unused}")


def _without_refused(entries: Iterable[Entry]) -> tuple[list[Entry], list[Skipped]]:
    found = list(entries)
    refused = [Skipped(encodable(e.name), e.refused) for e in found if e.refused]
    return [entry for entry in found if not entry.refused], refused

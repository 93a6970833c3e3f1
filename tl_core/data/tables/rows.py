"""From the bytes of a table to its rows: CSV and TSV as Excel, pandas and Kaggle write them."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice

from tl_core.data.layout import few
from tl_core.data.sources import Entry
from tl_core.errors import UserError

ENDINGS = (".csv", ".tsv")

_LARGEST = 64 << 20  # bytes
_MOST = 1_000_000  # rows
_DECLARED = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)  # Excel's own first line
_QUOTED = re.compile(r'"[^"]*"')
_DELIMITERS = ",;\t|"
_LOOKED_AT = 20  # lines that decide on the delimiter

Row = Sequence[str]


class TableError(UserError):
    """A table that says no classes; the message says which table, what is in it, and why."""


def read_rows(entry: Entry) -> list[Row]:
    """Return the rows of a table that are not empty.

    Raises:
        TableError: it is too large, or no table.
    """
    if entry.size > _LARGEST:
        raise TableError(f"The table {entry.name} is larger than {_LARGEST >> 20} MB; shorten it.")
    try:
        with entry.open() as stream:
            text = _decoded(stream.read(_LARGEST + 1)[:_LARGEST])
        declared = _DECLARED.match(text)
        text = text[declared.end() :] if declared else text
        delimiter = declared[1] if declared else _delimiter(text)
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        filled = (row for row in rows if any(cell.strip() for cell in row))
        found = list(islice(filled, _MOST + 1))
    except Exception as error:  # no table, or a damaged file in an archive
        raise TableError(f"The file {entry.name} cannot be read as a table ({error}).") from error
    if len(found) > _MOST:
        raise TableError(f"The table {entry.name} has more than {_MOST:,} rows; shorten it.")
    if not found:
        raise TableError(f"The table {entry.name} is empty.")
    return list(found)


def unusable(table: str, row: Row, why: str) -> TableError:
    """Return the error that says why a table is not used, with its columns."""
    cells = few([cell.strip() for cell in row], 12)
    return TableError(f"The table {table} (its first row: {cells}) cannot be used: {why}.")


def _delimiter(text: str) -> str:
    """Return the sign that most of the first lines have, and equally often."""
    lines = [line for line in islice(io.StringIO(text), _LOOKED_AT) if line.strip()]

    def fits(sign: str) -> tuple[int, int]:
        counts = Counter(_QUOTED.sub("", line).count(sign) for line in lines)
        counts.pop(0, None)
        often, lines_with = counts.most_common(1)[0] if counts else (0, 0)
        return lines_with, often

    return max(_DELIMITERS, key=fits)


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")

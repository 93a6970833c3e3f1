"""From the bytes of a table to its rows: CSV and TSV as Excel, pandas and Kaggle write them."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from itertools import islice, takewhile

from tl_core.data.encodings import CALLED, LIKELIEST, WESTERN, WINDOWS, find_encoding
from tl_core.data.question import QuestionError
from tl_core.data.sources import Entry
from tl_core.errors import UserError
from tl_core.words import few

ENDINGS = (".csv", ".tsv")

_LARGEST = 64 << 20  # bytes
_MOST = 1_000_000  # rows
_DECLARED = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)  # Excel's own first line
_QUOTED = re.compile(r'"[^"]*"')
_DELIMITERS = ",;\t|"
_LOOKED_IN = 1000  # bytes that show UTF-16
_LETTERS = 500  # lines that decide on the encoding
_LOOKED_AT = 20  # lines that decide on the delimiter

Row = Sequence[str]


class TableError(UserError):
    """A table that says no classes; the message says which table, what is in it, and why."""


def read_rows(entry: Entry, names_in: str = "") -> tuple[list[Row], str]:
    """Return the rows of a table that are not empty, and how its letters were read.

    Args:
        entry: the table.
        names_in: the encoding that the person named; see `encodings`.

    Raises:
        QuestionError: its letters may be of several languages.
        TableError: it is too large, or no table.
    """
    if entry.size > _LARGEST:
        raise TableError(f"The table {entry.name} is larger than {_LARGEST >> 20} MB; shorten it.")
    try:
        with entry.open() as stream:
            data = stream.read(_LARGEST + 1)[:_LARGEST]
        text, said = _decoded(data, names_in, entry.name)
        declared = _DECLARED.match(text)
        text = text[declared.end() :] if declared else text
        delimiter = declared[1] if declared else _delimiter(text)
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
        filled = (row for row in rows if any(cell.strip() for cell in row))
        found = list(islice(filled, _MOST + 1))
    except QuestionError:
        raise
    except Exception as error:  # no table, or a damaged file in an archive
        raise TableError(f"The file {entry.name} cannot be read as a table ({error}).") from error
    if len(found) > _MOST:
        raise TableError(f"The table {entry.name} has more than {_MOST:,} rows; shorten it.")
    if not found:
        raise TableError(f"The table {entry.name} is empty.")
    return _without_title(found), said


def unusable(table: str, row: Row, why: str) -> TableError:
    """Return the error that says why a table is not used, with its columns."""
    cells = few([cell.strip() for cell in row], 12)
    return TableError(f"The table {table} (its first row: {cells}) cannot be used: {why}.")


def _without_title(rows: list[list[str]]) -> list[Row]:
    """Leave out a title or a remark above the heading: one cell where the rows have several."""
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows[:_LOOKED_AT]]
    is_wide = 2 * sum(count > 1 for count in filled) > len(filled)
    title = sum(1 for _ in takewhile(lambda count: count == 1, filled)) if is_wide else 0
    return list(rows[title:])


def _delimiter(text: str) -> str:
    """Return the sign that most of the first lines have, and equally often."""
    lines = [line for line in islice(io.StringIO(text), _LOOKED_AT) if line.strip()]

    def fits(sign: str) -> tuple[int, bool, int]:
        counts = Counter(_QUOTED.sub("", line).count(sign) for line in lines)
        counts.pop(0, None)
        often, lines_with = counts.most_common(1)[0] if counts else (0, 0)
        return lines_with, sign != "|", often  # which joins several in one cell, too

    return max(_DELIMITERS, key=fits)


def _decoded(data: bytes, names_in: str, called: str) -> tuple[str, str]:
    """Return a table's text, and how it was read where it does not say."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16"), ""
    zeros = [data[place:_LOOKED_IN:2].count(0) for place in (0, 1)]
    if max(zeros) > len(data[:_LOOKED_IN]) // 4 > min(zeros):
        return data.decode("utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"), ""
    try:
        return data.decode("utf-8-sig"), ""
    except UnicodeDecodeError:
        pass
    lines = [line for line in data.splitlines() if not line.isascii()][:_LETTERS]
    encoding = find_encoding(lines, WINDOWS, names_in, f"The table {called}")
    encoding = encoding or find_encoding(lines, WESTERN, LIKELIEST, "") or "cp1252"
    return data.decode(encoding, "replace"), f"{called} read as {CALLED[encoding]} ({encoding})"

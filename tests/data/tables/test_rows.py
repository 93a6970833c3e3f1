"""The bytes of a table become rows, whoever wrote it."""

from __future__ import annotations

import io

import pytest

from tl_core.data.sources import Entry
from tl_core.data.tables import rows as module
from tl_core.data.tables.rows import TableError, read_rows


def entry(data: bytes, size: int = -1) -> Entry:
    return Entry("t.csv", len(data) if size < 0 else size, lambda: io.BytesIO(data))


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,x;y\n2,z\n",
        "a;b\r\n1;x;y\r\n2;z\r\n".replace("x;y", '"x;y"'),
        "sep=;\na;b\n1;\"x;y\"\n2;z\n",
        "a\tb\n1\tx;y\n2\tz\n",
        "a|b\n1|x;y\n2|z\n",
        '"a","b"\r"1","x;y"\r"2","z"\r',
        "\n,\na,b\n\n1,x;y\n,\n2,z",
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_delimiters_and_encodings(text, encoding):
    assert read_rows(entry(text.encode(encoding))) == [["a", "b"], ["1", "x;y"], ["2", "z"]]


def test_a_row_cut_short_does_not_change_the_delimiter():
    assert read_rows(entry(b"0,ant\n1,bee\n2\n")) == [["0", "ant"], ["1", "bee"], ["2"]]


@pytest.mark.parametrize(
    ("data", "size", "said"),
    [
        (b"", -1, "is empty"),
        (b"\n,\n", -1, "is empty"),
        (b"a,b", 65 << 20, "larger than 64 MB"),
        (b'"' + b"x" * 200_000, -1, "cannot be read as a table"),
    ],
)
def test_what_is_no_table_is_refused_by_name(data, size, said):
    with pytest.raises(TableError, match=rf"t\.csv .*{said}"):
        read_rows(entry(data, size))


def test_too_many_rows_are_refused_not_cut(monkeypatch):
    monkeypatch.setattr(module, "_MOST", 2)
    with pytest.raises(TableError, match="more than 2 rows"):
        read_rows(entry(b"a,b\n1,2\n3,4\n"))

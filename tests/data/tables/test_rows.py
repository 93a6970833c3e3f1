"""The bytes of a table become rows, whoever wrote it."""

from __future__ import annotations

import io

import pytest

from tl_core.data.question import QuestionError
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
    assert read_rows(entry(text.encode(encoding)))[0] == [["a", "b"], ["1", "x;y"], ["2", "z"]]


def test_a_row_cut_short_does_not_change_the_delimiter():
    assert read_rows(entry(b"0,ant\n1,bee\n2\n"))[0] == [["0", "ant"], ["1", "bee"], ["2"]]


@pytest.mark.parametrize(
    ("encoding", "words", "said"),
    [
        ("utf-8", ["Bär", "猫"], ""),
        ("utf-16", ["Bär", "猫"], ""),
        ("utf-16-le", ["Bär", "Öl"], ""),
        ("utf-16-be", ["Bär", "Öl"], ""),
        ("cp1252", ["Bär", "été", "Ångström"], "cp1252"),
        ("mac_roman", ["Bär", "gâteau"], "mac_roman"),
        ("cp1251", ["кошка", "Собака"], "cp1251"),
        ("cp1253", ["γάτα", "σκύλος"], "cp1253"),
        ("cp932", ["たんぽぽ", "ネコ", "犬"], "cp932"),
        ("gbk", ["汽车", "向日葵", "玫瑰"], "gbk"),
        ("big5", ["貓", "狗", "汽車", "蘋果"], "big5"),
    ],
)
def test_letters_of_many_languages(encoding, words, said):
    text = "file,label\n" + "\n".join(f"{n}.jpg,{word}" for n, word in enumerate(words))
    rows, told = read_rows(entry(text.encode(encoding)))
    assert [row[1] for row in rows[1:]] == words
    assert bool(told) == bool(said)
    assert said in told


def test_letters_that_fit_several_languages_are_asked():
    data = "file,label\n1.jpg,고양이\n2.jpg,강아지\n".encode("cp949")
    with pytest.raises(QuestionError, match=r"--names-in 'cp949': Korean: 고양이, 강아지"):
        read_rows(entry(data))
    assert read_rows(entry(data), "cp949")[0][1] == ["1.jpg", "고양이"]


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

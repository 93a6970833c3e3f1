"""Names in zips are read as they were written, or the person is asked."""

from __future__ import annotations

import io
import struct
import zipfile
from zlib import crc32

import pytest

from tl_core.data.encodings import LIKELIEST
from tl_core.data.intake import import_source
from tl_core.data.question import QuestionError, Told
from tl_core.data.zips import zip_entries

JAPANESE = ["犬/1.png", "猫/2.png", "表/3.png"]


def packed(names: list[str], encoding: str, extra=lambda _raw, _name: b"", content=b"x") -> bytes:
    """Return a zip whose names are in an encoding that it does not tell."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for n, name in enumerate(names):
            raw = name.encode(encoding)
            # A name of as many plain letters stands in, and is written over below.
            info = zipfile.ZipInfo(chr(65 + n) * len(raw))
            info.extra = extra(raw, name)
            archive.writestr(info, content if isinstance(content, bytes) else content(n))
    found = data.getvalue()
    for n, name in enumerate(names):
        raw = name.encode(encoding)
        found = found.replace((chr(65 + n) * len(raw)).encode(), raw)
    return found


def unicode_path(raw: bytes, name: str) -> bytes:
    field = b"\1" + struct.pack("<I", crc32(raw)) + name.encode()
    return struct.pack("<HH", 0x7075, len(field)) + field


def read(data: bytes, names_in: str = "") -> tuple[list[str], set[str]]:
    with zip_entries(io.BytesIO(data), names_in) as entries:
        assert all(entry.open().read() == b"x" for entry in entries)
        return [entry.name for entry in entries], {entry.said for entry in entries}


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp932", JAPANESE),
        ("cp932", ["たんぽぽ/1.png", "ネコ/2.png"]),
        ("gbk", ["汽车/1.png", "向日葵/2.png", "玫瑰/3.png"]),
        ("big5", ["貓/1.png", "狗/2.png", "汽車/3.png"]),
        ("cp866", ["кот/1.png", "Собака/2.png"]),
        ("cp850", ["São/1.png", "coração/2.png"]),
        ("cp1252", ["Bär/1.png", "Äpfel/2.png"]),
    ],
)
def test_one_encoding_for_the_whole_archive(encoding, names):
    found, said = read(packed(names, encoding))
    assert found == names
    assert [encoding in one for one in said] == [True]


@pytest.mark.parametrize("encoding", ["utf-8", "cp437"])
def test_what_needs_no_word(encoding):
    assert read(packed(["Bär/1.png", "Öl/2.png"], encoding)) == (["Bär/1.png", "Öl/2.png"], {""})


@pytest.mark.parametrize("encoding", ["cp932", "gbk", "utf-8"])
def test_the_name_in_unicode_wins(encoding):
    names = [name for name in JAPANESE if name.encode(encoding, "ignore").decode(encoding) == name]
    assert read(packed(names, encoding, unicode_path)) == (names, {""})


def test_a_unicode_name_of_another_name_is_not_believed():
    data = packed(JAPANESE, "cp932", lambda raw, _: unicode_path(raw + b"?", "evil/1.png"))
    assert read(data)[0] == JAPANESE


def test_what_fits_in_several_languages_is_asked():
    data = packed(["고양이/1.png", "강아지/2.png"], "cp949")
    with pytest.raises(QuestionError, match=r"--names-in 'cp949': Korean: 고양이, 강아지") as asked:
        read(data)
    assert {choice.value for choice in asked.value.choices} == {"gbk", "big5", "cp949"}
    assert read(data, "cp949")[0] == ["고양이/1.png", "강아지/2.png"]
    assert len(read(data, LIKELIEST)[0]) == 2


def test_what_fits_in_none_is_told():
    _, said = read(packed(["a\xa0\x8f\x81/1.png"], "latin-1"))
    assert [one.startswith("the archive does not say") for one in said] == [True]


def test_an_import_keeps_the_names_and_says_so(workspace, picture, tmp_path):
    names = [f"{label}/{n}.png" for label in ("犬", "表") for n in range(4)]
    (tmp_path / "z.zip").write_bytes(packed(names, "cp932", content=picture))
    dataset = import_source(workspace, tmp_path / "z.zip")
    assert dataset.classes == ("犬", "表")
    assert "names in the archive read as Japanese (cp932)" in dataset.reading


def test_an_answer_is_taken(workspace, picture, tmp_path):
    names = [f"{label}/{n}.png" for label in ("고양이", "강아지") for n in range(4)]
    (tmp_path / "z.zip").write_bytes(packed(names, "cp949", content=picture))
    with pytest.raises(QuestionError):
        import_source(workspace, tmp_path / "z.zip")
    dataset = import_source(workspace, tmp_path / "z.zip", told=Told(names_in="cp949"))
    assert set(dataset.classes) == {"고양이", "강아지"}

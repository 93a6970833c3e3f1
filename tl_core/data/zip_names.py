"""Names in zips whose packer did not say how they are written: one encoding for the whole archive.

Zips of old and of non-Western Windows hold names in that system's own code page. What decodes to
letters of its language, as they are common there, is plausible; of several, the person is asked.
"""

from __future__ import annotations

import re
import struct
import unicodedata
import zipfile
from collections.abc import Callable, Sequence
from zlib import crc32

from tl_core.data.question import Choice, QuestionError

UTF8_NAME = 0x800
"""The flag of an entry whose name is UTF-8."""

LIKELIEST = "likeliest"
"""In place of an encoding: the most plausible one, unasked, where names matter little."""

_UNICODE_PATH = 0x7075  # Info-ZIP's field for a name in UTF-8 beside the old one
_AS_IT_COMES = "cp437"  # what the format says, and zipfile reads
_SHOWN = 6  # names in a question


def names_of(infos: Sequence[zipfile.ZipInfo], names_in: str = "") -> tuple[list[str], str]:
    """Return the names of an archive's entries, and how they were read where it had to be found.

    Args:
        infos: the archive's table of contents.
        names_in: the encoding that the person named, or `LIKELIEST`.

    Raises:
        QuestionError: the names may be of several languages.
    """
    names = [_said(info) for info in infos]
    raw = [
        info.orig_filename.encode(_AS_IT_COMES)
        for info, name in zip(infos, names, strict=True)
        if name is None
    ]
    unclear = [name for name in raw if not name.isascii()]
    encoding = _encoding(unclear, names_in) if unclear else "utf-8"
    decoded = (name.decode(encoding or _AS_IT_COMES, "replace") for name in raw)
    read = [name if name is not None else next(decoded) for name in names]
    if not encoding:
        return read, "the archive does not say how its names are written, and none would fit"
    said = f"names in the archive read as {_CALLED[encoding]} ({encoding})"
    return read, "" if encoding in ("utf-8", _AS_IT_COMES) else said


def _said(info: zipfile.ZipInfo) -> str | None:
    """Return the name that an entry gives in UTF-8, `None` where it gives none."""
    if info.flag_bits & UTF8_NAME:
        return info.orig_filename
    extra = info.extra
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        field, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == _UNICODE_PATH and len(field) > 5 and field[0] == 1:
            is_of_this = struct.unpack("<I", field[1:5])[0] == crc32(
                info.orig_filename.encode(_AS_IT_COMES)
            )
            if is_of_this:
                return field[5:].decode("utf-8", "replace")
    return None


def _encoding(names: Sequence[bytes], names_in: str) -> str:
    """Return the encoding that makes words of names; nothing where none does."""
    if names_in in _CALLED:
        return names_in
    found: dict[str, list[str]] = {}
    for encoding, is_plausible in _PLAUSIBLE.items():
        try:
            decoded = [name.decode(encoding) for name in names]
        except UnicodeError:
            continue
        if encoding == "utf-8":
            return encoding
        if is_plausible(names, decoded) and decoded not in found.values():
            found[encoding] = decoded
    if len(found) > 1 and names_in != LIKELIEST:
        raise QuestionError(
            "names_in",
            "The archive does not say in which writing its names are, and several would fit",
            [Choice(one, f"{_CALLED[one]}: {_shown(decoded)}") for one, decoded in found.items()],
        )
    return next(iter(found), "")


def _shown(names: Sequence[str]) -> str:
    """Return the parts of paths that are not plain letters; they tell the readings apart."""
    parts = (part for name in names for part in name.split("/") if not part.isascii())
    return ", ".join(list(dict.fromkeys(parts))[:_SHOWN])


def _common(pattern: bytes) -> Callable[[Sequence[bytes], Sequence[str]], bool]:
    """Return a check that what is not ASCII is made of the byte pairs that are common."""
    pair = re.compile(rb"(?:[\x00-\x7f]|" + pattern + rb")*", re.DOTALL)

    def check(names: Sequence[bytes], decoded: Sequence[str]) -> bool:
        letters = "".join(decoded)
        return all(map(pair.fullmatch, names)) and not re.search(r"[\ue000-\uf8ff\ufffd]", letters)

    return check


def _is_western(names: Sequence[bytes], decoded: Sequence[str]) -> bool:
    """Say whether accented letters stand among plain ones: words are not made of accents alone."""
    odd = [c for name in decoded for c in name if not c.isascii()]
    are_latin = all(unicodedata.name(c, "").startswith("LATIN") and c.isalpha() for c in odd)
    words = {word for name in decoded for word in re.findall(r"[^\W\d_]+", name)}
    accents = [sum(not c.isascii() for c in word) for word in words]
    shares = [2 * count <= len(word) + 1 for count, word in zip(accents, words, strict=True)]
    is_inner = not any(re.search(r"[a-zß-ÿ][À-ÖØ-Þ]", word) for word in words)
    return are_latin and all(shares) and is_inner and bool(names)


def _is_russian(_: Sequence[bytes], decoded: Sequence[str]) -> bool:
    """Say whether words are of Cyrillic letters alone, and most of them of three or more."""
    odd = "".join(c for name in decoded for c in name if not c.isascii())
    words = {word for name in decoded for word in re.findall(r"[^\W\d_]+", name)}
    cyrillic = [word for word in words if not word.isascii()]
    is_clean = not any(re.search("[A-Za-z]|[а-я][А-Я]", word) for word in cyrillic)
    is_long = 2 * sum(len(word) > 2 for word in cyrillic) > len(cyrillic)
    return bool(re.fullmatch("[А-Яа-яЁё№]+", odd)) and is_clean and is_long


_PLAUSIBLE: dict[str, Callable[[Sequence[bytes], Sequence[str]], bool]] = {
    "utf-8": _is_western,  # what decodes as UTF-8 is UTF-8
    # Kana, kanji of level 1, and the signs of the first rows; not half-width katakana.
    "cp932": _common(rb"[\x81-\x83\x88-\x97][\x40-\x7e\x80-\xfc]"),
    # GB 2312's level 1, in the order of pinyin, and its signs.
    "gbk": _common(rb"[\xa1\xa3\xb0-\xd7][\xa1-\xfe]"),
    "big5": _common(rb"[\xa1-\xc6][\x40-\x7e\xa1-\xfe]"),
    "cp949": _common(rb"[\xa1\xa3\xb0-\xc8][\xa1-\xfe]"),
    "cp866": _is_russian,
    "cp437": _is_western,
    "cp850": _is_western,
    "cp1252": _is_western,
}
_CALLED = {
    "utf-8": "UTF-8", "cp932": "Japanese", "gbk": "Chinese, simplified",
    "big5": "Chinese, traditional", "cp949": "Korean", "cp866": "Russian",
    "cp437": "Western letters of DOS", "cp850": "Western letters of DOS",
    "cp1252": "Western letters of Windows",
}  # fmt: skip

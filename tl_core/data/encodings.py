"""Text that does not say how it is written: encodings that make words of it, and what they are.

Names in zips and tables of old and of non-Western systems are in a code page of that system. What
decodes to letters of its language, as they are common there, is plausible; of several, the person
is asked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from tl_core.data.question import Choice, QuestionError

LIKELIEST = "likeliest"
"""In place of an encoding: the most plausible one, unasked, where names matter little."""

DOS = ("utf-8", "cp932", "gbk", "big5", "cp949", "cp866", "cp862", "cp437", "cp850", "cp852",
       "cp1252")  # fmt: skip
"""Of names in zips: the code pages of consoles."""
WINDOWS = ("cp932", "gbk", "big5", "cp949", "cp1251")
"""Of tables that are in no Western letters: the code pages of windows."""
WESTERN = ("cp1253", "cp1252", "cp1250", "mac_roman", "cp850")
"""Of other tables; the first is Greek, which looks like nothing else."""
_SHOWN = 6  # words in a question


def find_encoding(
    texts: Sequence[bytes], candidates: Iterable[str], names_in: str, what: str
) -> str:
    """Return the encoding that makes words of texts; nothing where none does.

    Args:
        texts: pieces that are not plain ASCII.
        candidates: encodings, the most likely first.
        names_in: the encoding that the person named, or `LIKELIEST`.
        what: does not say its encoding, as a sentence begins.

    Raises:
        QuestionError: the texts may be of several languages.
    """
    if names_in in CALLED:
        return names_in
    found: dict[str, list[str]] = {}
    for encoding in candidates:
        try:
            decoded = [text.decode(encoding) for text in texts]
        except UnicodeError:
            continue
        if encoding == "utf-8":
            return encoding
        if _PLAUSIBLE[encoding](texts, decoded) and decoded not in found.values():
            found[encoding] = decoded
    if len(found) > 1 and names_in != LIKELIEST:
        raise QuestionError(
            "names_in",
            f"{what} does not say in which writing its names are, and several would fit",
            [Choice(one, f"{CALLED[one]}: {_shown(decoded)}") for one, decoded in found.items()],
        )
    return next(iter(found), "")


def _shown(texts: Sequence[str]) -> str:
    """Return the words that are not plain letters; they tell the readings apart."""
    words = (word for text in texts for word in re.split(r"[/,;\t\r\n]", text))
    return ", ".join(list(dict.fromkeys(w.strip() for w in words if not w.isascii()))[:_SHOWN])


def _words(texts: Sequence[str]) -> set[str]:
    return {word for text in texts for word in re.findall(r"[^\W\d_]+", text)}


def _foreign(texts: Sequence[str]) -> list[str]:
    """Return the words that have other letters than ASCII's."""
    return [word for word in _words(texts) if not word.isascii()]


def _are_long(words: Sequence[str]) -> bool:
    return 2 * sum(len(word) > 2 for word in words) > len(words)


def _common(pattern: bytes) -> Callable[[Sequence[bytes], Sequence[str]], bool]:
    """Return a check that what is not ASCII is made of the byte pairs that are common."""
    pair = re.compile(rb"(?:[\x00-\x7f]|" + pattern + rb")*", re.DOTALL)

    def check(names: Sequence[bytes], decoded: Sequence[str]) -> bool:
        if not all(map(pair.fullmatch, names)):
            return False
        other = _foreign(decoded)
        mixed = [word for word in other if re.search("[A-Za-z]", word)]
        is_private = re.search(r"[\ue000-\uf8ff\ufffd]", "".join(other))
        return not is_private and 4 * len(mixed) <= len(other)

    return check


def _is_western(names: Sequence[bytes], decoded: Sequence[str]) -> bool:
    """Say whether accented letters stand among plain ones: words are not made of accents alone."""
    odd = [c for name in decoded for c in name if not c.isascii()]
    are_latin = all(unicodedata.name(c, "").startswith("LATIN") and c.isalpha() for c in odd)
    words = _words(decoded)
    accents = [sum(not c.isascii() for c in word) for word in words]
    shares = [2 * count <= len(word) + 1 for count, word in zip(accents, words, strict=True)]
    # A large accented letter begins a word, or all of it is large.
    is_inner = any(
        not c.isascii() and c.isupper() and not word.isupper() for word in words for c in word[1:]
    )
    return are_latin and all(shares) and not is_inner and bool(names)


def _is_russian(_: Sequence[bytes], decoded: Sequence[str]) -> bool:
    """Say whether words are of Cyrillic letters alone, and most of them of three or more."""
    odd = "".join(c for name in decoded for c in name if not c.isascii())
    cyrillic = _foreign(decoded)
    is_clean = not any(re.search("[A-Za-z]|[а-я][А-Я]", word) for word in cyrillic)
    return bool(re.fullmatch("[А-Яа-яЁё№]+", odd)) and is_clean and _are_long(cyrillic)


def _of_script(first: str, last: str) -> Callable[[Sequence[bytes], Sequence[str]], bool]:
    """Return a check that what is not ASCII is of one script, in words without other letters."""

    def check(_: Sequence[bytes], decoded: Sequence[str]) -> bool:
        other = _foreign(decoded)
        return _are_long(other) and all(re.fullmatch(f"[{first}-{last}]+", word) for word in other)

    return check


_PLAUSIBLE: dict[str, Callable[[Sequence[bytes], Sequence[str]], bool]] = {
    "utf-8": _is_western,  # what decodes as UTF-8 is UTF-8
    # Kana, kanji of level 1, and the signs of the first rows; not half-width katakana.
    "cp932": _common(rb"[\x81-\x83\x88-\x97][\x40-\x7e\x80-\xfc]"),
    # GB 2312's level 1, in the order of pinyin, and its signs.
    "gbk": _common(rb"[\xa1\xa3\xb0-\xd7][\xa1-\xfe]"),
    "big5": _common(rb"[\xa1-\xc6][\x40-\x7e\xa1-\xfe]"),
    "cp949": _common(rb"[\xa1\xa3\xb0-\xc8][\xa1-\xfe]"),
    "cp866": _is_russian,
    "cp1251": _is_russian,
    "cp862": _of_script("\u05d0", "\u05ea"),
    "cp1253": _of_script("\u0384", "\u03ce"),
    "cp437": _is_western,
    "cp850": _is_western,
    "cp852": _is_western,
    "cp1250": _is_western,
    "cp1252": _is_western,
    "mac_roman": _is_western,
}
CALLED = {
    "utf-8": "UTF-8", "cp932": "Japanese", "gbk": "Chinese, simplified",
    "big5": "Chinese, traditional", "cp949": "Korean", "cp866": "Russian",
    "cp1251": "Russian", "cp862": "Hebrew", "cp1253": "Greek", "cp852": "Central European of DOS",
    "cp1250": "Central European", "mac_roman": "Western letters of the Mac",
    "cp437": "Western letters of DOS", "cp850": "Western letters of DOS",
    "cp1252": "Western letters of Windows",
}  # fmt: skip

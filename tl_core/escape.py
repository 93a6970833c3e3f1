"""What a person named is text everywhere: one function for each place where it is written.

Classes, files and datasets are named by whoever made them. Each function returns what the place
(a page, HTML, a chart, Markdown, a table, a zip, a script, a terminal) shows as the name itself.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

JOINERS = "\u200c\u200d"
"""Invisible, and parts of words in Persian and of emoji; other format characters go."""

_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|$:~&=])")
# Streamlit and GitHub replace these in the finished text, where no backslash helps: emoji by
# name, bare addresses, arrows and signs. An invisible joiner in their middle keeps the text.
_REPLACED = re.compile(
    r":(?=[\w+\-/]+(?::|$))|(?i:https?):(?=//)|(?i:www)(?=\.)|@(?=\w)"
    r"|(?<!\S)(?:<(?=->?(?!\S))|-(?=[->](?!\S))|[<>~](?==(?!\S)))"
)
_WORD_JOINER = "\u2060"
_COMPUTED = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_STEERING = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_NOT_IN_FILE_NAMES = set('<>:"/\\|?*')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?")
_LONGEST_FILE_NAME = 120  # UTF-8 bytes; file systems take 255, and folders stand before it


def encodable(text: str) -> str:
    """Return text that can be written as UTF-8, whatever bytes a file name was made of."""
    return text.encode("utf-8", "replace").decode("utf-8")


def shorten(text: str, longest: int) -> str:
    """Return text on one line, its middle left out where it is too long.

    >>> shorten("a" * 10, 5)
    'aa…aa'
    """
    line = " ".join(
        "".join(c if c.isprintable() or c in JOINERS else " " for c in encodable(text)).split()
    )
    if len(line) <= longest:
        return line
    half = (longest - 1) // 2
    return f"{line[:half]}…{line[-half:]}"


def in_markdown(text: str, longest: int = 80) -> str:
    r"""Return text that Markdown shows as it is, on a page, in a card or in a receipt.

    >>> in_markdown("**a** [b] <b>$x$")
    '\\*\\*a\\*\\* \\[b\\] \\<b\\>\\$x\\$'
    """
    kept = _REPLACED.sub(rf"\g<0>{_WORD_JOINER}", shorten(text, longest))
    return _MARKUP.sub(r"\\\1", kept)


def in_html(text: str, longest: int = 80) -> str:
    """Return text that HTML and SVG show as it is, also between the quotes of an attribute.

    >>> in_html("<b>&")
    '&lt;b&gt;&amp;'
    """
    return html.escape(shorten(text, longest))


def in_chart(text: str, longest: int = 80) -> str:
    """Return text that a Plotly label shows as it is: no tags, no formula, no `%{x}` filled in.

    >>> in_chart("<b>$x$")
    '&lt;b&gt;&#36;x&#36;'
    """
    # Plotly knows a few entities of its own, and quotes are not among them.
    plain = html.escape(shorten(text, longest), quote=False)
    return plain.replace("$", "&#36;").replace("%{", "%&#123;")


def csv_cell(text: str) -> str:
    r"""Return text that a spreadsheet shows and does not compute, and that steers no terminal.

    A table is often looked at in a terminal first; control characters become question marks there
    and in the file alike. Line ends and tabs stay, as a table may hold them.

    >>> csv_cell("=1+1"), csv_cell("bees"), csv_cell("bees\x1b[2J")
    ("'=1+1", 'bees', 'bees?[2J')
    """
    text = _STEERING.sub("?", encodable(text))
    is_computed = text.lstrip().startswith(_COMPUTED) or text[:1] in ("\t", "\r", "\n")
    return f"'{text}" if is_computed else text


def file_name(text: str, otherwise: str = "unnamed") -> str:
    """Return a name that every system takes for one file, in a zip or on disk.

    Args:
        text: what the person named it.
        otherwise: what to call it where nothing of the text can stay.

    >>> file_name("../../evil.jpg"), file_name("CON.txt"), file_name("..")
    ('_.._evil.jpg', '_CON.txt', 'unnamed')
    """
    shown = unicodedata.normalize("NFC", shorten(text, 10 * _LONGEST_FILE_NAME))
    name = "".join("_" if c in _NOT_IN_FILE_NAMES else c for c in shown).strip(" .")
    name = f"_{name[1:]}" if name.startswith("-") else name  # an option to most programs
    if _RESERVED.fullmatch(name):
        name = f"_{name}"
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 8:
        stem, ending = name, ""
    ending = f".{ending}" if ending else ""
    room = _LONGEST_FILE_NAME - len(ending.encode())
    stem = stem.encode()[:room].decode("utf-8", "ignore").rstrip(" .")
    return f"{stem}{ending}" if stem else otherwise


def file_names(texts: Iterable[str], otherwise: str = "unnamed") -> list[str]:
    """Return a `file_name` for each text, all different also where capitals make no difference.

    >>> file_names(["Ant.jpg", "ant.jpg", "ant.jpg"])
    ['Ant.jpg', 'ant (2).jpg', 'ant (3).jpg']
    """
    taken: set[str] = set()
    last: Counter[str] = Counter()
    names = []
    for text in texts:
        wanted = name = file_name(text, otherwise)
        stem, dot, ending = wanted.rpartition(".") if "." in wanted else (wanted, "", "")
        while name.casefold() in taken:
            last[wanted.casefold()] += 1
            name = f"{stem} ({last[wanted.casefold()] + 1}){dot}{ending}"
        taken.add(name.casefold())
        names.append(name)
    return names


def python_literal(text: str) -> str:
    r"""Return a Python expression of plain ASCII on one line whose value is the text.

    >>> python_literal("Café\n'; import os")
    '"Caf\\xe9\\n\'; import os"'
    """
    return ascii(text)


def in_terminal(text: str) -> str:
    r"""Return text without the characters that would steer a terminal.

    >>> in_terminal("bees\x1b[2J")
    'bees?[2J'
    """
    return "".join(c if c.isprintable() else "?" for c in text)

"""Rule 12: whatever a person typed as a name, each place shows it and does nothing else with it."""

from __future__ import annotations

import ast
import csv
import html
import io
import re
import unicodedata
import zipfile
from pathlib import PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tl_core.escape import (
    csv_cell,
    encodable,
    file_name,
    file_names,
    in_chart,
    in_html,
    in_markdown,
    in_terminal,
    python_literal,
    shorten,
)

HOSTILE = [
    "**bold** _it_ `code` ~~no~~ ==hi==",
    "[a](javascript:alert(1)) ![](x) [^1]",
    "<img src=x onerror=alert(1)> <!-- <script>",
    ":red[big] :smile: :material/home: :streamlit:",
    "$x^2$ $$y$$",
    "# head\n\n---\n| a | b |\n1. one\n> quote",
    "https://evil.example www.evil.example me@evil.example",
    "a -> b <- c -- d >= e <-> f ~= g",
    "&lt;b&gt; &amp; &#36;",
    "%{x} %{y:.2f} <extra></extra>",
    "=1+1",
    "\t=cmd|' /C calc'!A1",
    " \n＝HYPERLINK(1)",
    "a;=1+1,\"b\",'c'",
    "../../etc/passwd",
    "..\\..\\evil.exe",
    "C:\\evil",
    "CON",
    "lpt1.jpg",
    "trailing. . ",
    "-rf",
    "'''; import os #\\",
    '"""\n{x} {{y}} %s',
    "\x1b[2J\x07bell\x00nul",
    "right\u202eto\u2066left\u200f",
    "surrogate \udcff \ud800",
    "line\u2028sep\u2029para\x85next",
    "हिन्दी 👩\u200d👩\u200d👧 می\u200cخواهم",
    "x" * 300,
    "",
    " ",
]
NAMES = st.text(max_size=60) | st.lists(st.sampled_from(HOSTILE), max_size=3).map(" ".join)
JOINER = "\u2060"
SPECIAL = set("\\`*_{}[]()<>#+-.!|$:~&=")


@given(NAMES)
@example("a:smile")
def test_markdown(name: str) -> None:
    marked = in_markdown(name, 1000)
    assert re.sub(r"\\(.)", r"\1", marked).replace(JOINER, "") == shorten(name, 1000)
    assert not SPECIAL & set(re.sub(r"\\.", "", marked)), "every sign of Markdown is escaped"
    assert "\n" not in marked


@given(NAMES)
def test_html(name: str) -> None:
    marked = in_html(name, 1000)
    assert html.unescape(marked) == shorten(name, 1000)
    assert not set("<>\"'") & set(marked)


@given(NAMES)
def test_a_chart(name: str) -> None:
    marked = in_chart(name, 1000)
    # What Plotly itself knows: four names and numbers.
    entities = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&#36;": "$", "&#123;": "{"}
    plain = re.sub(r"&[#\w]+;", lambda found: entities[found[0]], marked)
    assert plain == shorten(name, 1000)
    assert not re.search(r"[<>$]|%\{", marked)


@given(st.lists(NAMES, min_size=1, max_size=4))
@example([f"{start}SUM(A1)" for start in "=+-@\t\r"])
def test_csv(names: list[str]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerow(map(csv_cell, names))
    file.seek(0)
    (row,) = csv.reader(file)
    for cell, name in zip(row, names, strict=True):
        shown = "".join(
            "?" if unicodedata.category(c) == "Cc" and c not in "\t\r\n" else c
            for c in encodable(name)
        )
        assert cell in (shown, f"'{shown}"), "and nothing in it steers a terminal"
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
        assert not cell.startswith(("\t", "\r", "\n"))


@given(st.lists(NAMES, max_size=6))
@example(["Ant", "ant", "ANT (2)", "ant"])
@example(["", "..", "/", "unnamed"])
def test_file_names(names: list[str]) -> None:
    made = file_names(names)
    assert len({name.casefold() for name in made}) == len(names)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in made:
            archive.writestr(f"class/{name}", b"")
    with zipfile.ZipFile(file) as archive:
        assert archive.namelist() == [f"class/{name}" for name in made]
    for name in made:
        assert PureWindowsPath(name).name == name, "one part, no drive"
        assert name.isprintable() or set(name) & {"\u200c", "\u200d"}
        assert not name.startswith((".", "-"))
        assert not name.endswith((".", " "))
        assert len(name.encode()) <= 200


@pytest.mark.parametrize("name", ["con", "NUL.txt", "com1.tar.gz", "LPT9", "aux."])
def test_reserved_file_names(name: str) -> None:
    assert file_name(name) == f"_{name.rstrip('.')}"


def test_a_long_file_name_keeps_its_ending() -> None:
    assert file_name("ü" * 300 + ".jpg") == "ü" * 58 + ".jpg"


@given(NAMES)
def test_a_script(name: str) -> None:
    literal = python_literal(name)
    assert ast.literal_eval(literal) == name
    assert literal.isascii()
    assert "\n" not in literal


@given(NAMES)
def test_a_terminal(name: str) -> None:
    shown = in_terminal(name)
    assert shown.isprintable()
    assert len(shown) == len(name)


@given(NAMES, st.integers(3, 50))
def test_shortened(name: str, longest: int) -> None:
    line = shorten(name, longest)
    assert len(line) <= longest
    assert line == line.strip()
    line.encode()

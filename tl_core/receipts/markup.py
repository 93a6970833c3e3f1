"""The parts of a printable page. What they are given is plain text, and is text on the page.

A page holds no script and refers to nothing outside of it; a browser is told to allow neither.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NewType

from tl_core.escape import in_html

Html = NewType("Html", str)
"""Markup of ours: it is written as it stands. Everything else is escaped first."""

_LONGEST = 4000  # characters of a paragraph; names have limits of their own
_NAME = 60

_LOOK = """
@page { size: A4; margin: 14mm 13mm; }
:root { color-scheme: light; }
* { box-sizing: border-box; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
body { max-width: 184mm; margin: 0 auto; padding: 4mm 2mm; background: #fff; color: #1d2b32;
  font: 10.5pt/1.45 system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif;
  overflow-wrap: anywhere; }
h1 { font-size: 19pt; line-height: 1.2; margin: 0 0 1mm; }
h2 { font-size: 12.5pt; margin: 6mm 0 1.5mm; padding-bottom: 1mm; border-bottom: 1px solid #d9d1c1;
  break-after: avoid; }
p { margin: 0 0 2mm; }
.lead { font-size: 12.5pt; }
.note { color: #55636b; font-size: 9pt; }
.beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(70mm, 1fr)); gap: 0 7mm; }
section, figure, table, pre, tr { break-inside: avoid; }
figure { margin: 0; }
figcaption { font-size: 9pt; color: #55636b; }
svg { width: 100%; height: auto; }
figure > svg { max-width: 125mm; display: block; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 9.5pt; margin-bottom: 2mm; }
th, td { text-align: left; vertical-align: top; padding: 0.7mm 2mm 0.7mm 0; }
thead th { border-bottom: 1px solid #1d2b32; overflow-wrap: normal; }
tbody tr + tr > * { border-top: 1px solid #ece6d8; }
tbody th { font-weight: 600; min-width: 30mm; }
tbody td:first-child { min-width: 24mm; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; }
.matrix { width: auto; }
.matrix tbody th { min-width: 0; }
.matrix td, .matrix thead th { text-align: center; min-width: 9mm; padding: 1mm 1.5mm; }
.matrix .right { outline: 1.5px solid #1d2b32; outline-offset: -1.5px; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(32mm, 1fr)); gap: 3mm; }
.pictures img { width: 100%; height: 26mm; object-fit: contain; background: #f2ede2; }
pre { background: #f2ede2; padding: 2.5mm 3mm; border-radius: 2mm; margin: 0 0 2mm;
  font: 9.5pt/1.5 ui-monospace, Consolas, "DejaVu Sans Mono", monospace; white-space: pre-wrap; }
pre span { display: inline-block; max-width: 100%; }
"""


def page(title: str, parts: Iterable[Html]) -> str:
    """Return a whole page, as a file holds it.

    Args:
        title: of the window and of the file that a browser prints to.
        parts: of its body, in order.
    """
    rules = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{rules}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{in_html(title, 200)}</title>\n<style>{_LOOK}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def heading(text: str) -> Html:
    """Return the heading of the page."""
    return Html(f"<h1>{in_html(text, 200)}</h1>")


def paragraph(text: str, kind: str = "") -> Html:
    """Return a paragraph; its kind is "lead", "note" or an ordinary one."""
    return Html(f'<p class="{kind}">{in_html(text, _LONGEST)}</p>')


def section(title: str, *parts: Html) -> Html:
    """Return parts under a heading, which no page break parts from them."""
    return Html(f"<section>\n<h2>{in_html(title, 200)}</h2>\n" + "\n".join(parts) + "\n</section>")


def beside(*parts: Html) -> Html:
    """Return parts beside each other where there is room, and else below each other."""
    return Html('<div class="beside">' + "".join(f"<div>{part}</div>" for part in parts) + "</div>")


def facts(told: Mapping[str, str]) -> Html:
    """Return names with their values, one line each."""
    rows = "".join(
        f'<tr><th scope="row">{in_html(name, _NAME)}</th><td>{in_html(value, 400)}</td></tr>'
        for name, value in told.items()
    )
    return Html(f"<table><tbody>{rows}</tbody></table>")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> Html:
    """Return a table.

    Args:
        head: of the columns.
        rows: as many cells each.
        words: so many columns, from the first, hold words; the others numbers.
    """

    def place(column: int) -> str:
        return "" if column < words else ' class="number"'

    heads = "".join(
        f'<th scope="col"{place(k)}>{in_html(t, _NAME)}</th>' for k, t in enumerate(head)
    )
    lines = "".join(
        "<tr>"
        + "".join(f"<td{place(k)}>{in_html(cell, 200)}</td>" for k, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    whole = f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"
    return Html(f'<div class="wide">{whole}</div>')


def figure(drawn: Html, caption: str) -> Html:
    """Return a drawing with what it shows."""
    return Html(f"<figure>{drawn}<figcaption>{in_html(caption, _LONGEST)}</figcaption></figure>")


@dataclass(frozen=True)
class Picture:
    """A small picture on the page.

    Attributes:
        webp: its file; nothing where it is gone.
        name: of the file that it came with.
        caption: what is said of it.
    """

    webp: bytes
    name: str
    caption: str


def pictures(shown: Iterable[Picture]) -> Html:
    """Return pictures with their captions, as many beside each other as there is room for."""
    return Html('<div class="pictures">' + "".join(map(_picture, shown)) + "</div>")


def _picture(shown: Picture) -> str:
    name = in_html(shown.name, _NAME)
    if shown.webp:
        data = base64.b64encode(shown.webp).decode("ascii")
        image = f'<img src="data:image/webp;base64,{data}" alt="{name}">'
    else:
        image = "<p>The picture is gone.</p>"
    caption = in_html(shown.caption, 200)
    return f"<figure>{image}<figcaption>{caption}<br>{name}</figcaption></figure>"


def commands(lines: Iterable[str]) -> Html:
    """Return lines for a terminal, to be copied."""
    return Html("<pre>" + "\n".join(map(_command, lines)) + "</pre>")


def _command(line: str) -> str:
    """Return a line that breaks before an option and not inside of it."""
    first, *options = in_html(line, _LONGEST).split(" --")
    parts = (first, *(f"--{option}" for option in options))
    return " ".join(f"<span>{part}</span>" for part in parts)

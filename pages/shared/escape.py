"""What a person named is text everywhere: one escaping function for each place it is shown."""

from __future__ import annotations

import html
import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|$:~&])")


def on_page(text: str, longest: int = 80) -> str:
    r"""Return text that Streamlit's Markdown shows as it is.

    >>> on_page("**a** :red[b] <b>$x$")
    '\\\\*\\\\*a\\\\*\\\\* \\\\:red\\\\[b\\\\] \\\\<b\\\\>\\\\$x\\\\$'
    """
    return _SPECIAL.sub(r"\\\1", shorten(text, longest))


def in_html(text: str, longest: int = 80) -> str:
    """Return text that HTML, SVG and Plotly labels show as it is.

    >>> in_html("<b>&")
    '&lt;b&gt;&amp;'
    """
    return html.escape(shorten(text, longest))


def shorten(text: str, longest: int) -> str:
    """Return text on one line, its middle left out where it is too long.

    >>> shorten("a" * 10, 5)
    'aa…aa'
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) <= longest:
        return line
    half = (longest - 1) // 2
    return f"{line[:half]}…{line[-half:]}"

"""Rule 12 on paper: whatever anybody was named, every part of a page shows it as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.test_escape import HOSTILE
from tl_core.escape import shorten
from tl_core.receipts.charts import Bar, Line, bars, lines
from tl_core.receipts.markup import (
    Picture,
    beside,
    commands,
    facts,
    figure,
    heading,
    page,
    paragraph,
    pictures,
    section,
    table,
)
from tl_core.receipts.matrix import matrix

if TYPE_CHECKING:
    from tests.receipts.conftest import Read

Parsed = Callable[[str], "Read"]
NAMES = st.text(max_size=30) | st.sampled_from(HOSTILE)


def everything(name: str) -> str:
    """Return a page with every part there is, in which everything has the same name."""
    parts = [
        heading(name),
        paragraph(name, "note"),
        section(name, beside(facts({name: name}), table([name], [[name]]))),
        figure(lines(name, name, [Line(name, [0, 1], [0, 1])], places=[name, name]), name),
        figure(bars(name, [Bar(name, 0.5, 0.4, 0.6)]), name),
        matrix([[3, 1], [0, 4]], [name, name]),
        pictures([Picture(b"RIFF", name, name), Picture(b"", name, name)]),
        commands([name]),
    ]
    return page(name, parts)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES)
@example("</title></style><script>alert(1)</script>")
@example('" onload="alert(1)')
def test_every_part_takes_text(parsed: Parsed, name: str) -> None:
    read, plain = parsed(everything(name)), parsed(everything("x"))
    tags, expected = (  # a command has as many parts as it has options
        [tag for tag, _ in each.tags if tag != "span"] for each in (read, plain)
    )
    assert tags == expected, "not a tag more"
    assert shorten(name, 60) in read.text


def test_a_page_allows_its_browser_nothing() -> None:
    made = page("x", [])
    assert "default-src 'none'" in made
    assert "<script" not in made


@pytest.mark.parametrize("values", [[], [0.0], [0.3], [0, 0], [1e-9, 1e9], [float("nan")]])
def test_any_values_are_drawn(parsed: Parsed, values: list[float]) -> None:
    drawn = lines("y", "x", [Line("a", list(range(len(values))), values)])
    parsed(page("x", [drawn]))


def test_lines_are_told_apart_without_colour() -> None:
    drawn = lines("y", "x", [Line(name, [0, 1], [0, 1]) for name in "abcd"])
    dashes = [part.partition('"')[0] for part in drawn.split('stroke-dasharray="')[1:]]
    assert len(set(dashes)) == 4

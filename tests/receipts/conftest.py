"""Reading a page as a browser does, to see what is text in it and what is markup."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

VOID = {"meta", "img", "br"}


@dataclass
class Read(HTMLParser):
    """A page as it was parsed."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    terminal: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing that is open"

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)
        if "pre" in self.open:
            self.terminal += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def typed(self) -> list[str]:
        """The lines for a terminal."""
        return self.terminal.strip().split("\n")

    def assert_harmless(self) -> None:
        """No script, nothing that acts, and nothing from outside of the page."""
        assert self.open == []
        for tag, attributes in self.tags:
            assert tag not in {"script", "iframe", "object", "embed", "link", "a", "form", "base"}
            for name, value in attributes.items():
                assert not name.startswith("on"), (tag, name)
                if name in {"src", "href", "action", "data", "srcset", "xlink:href"}:
                    assert (value or "").startswith("data:image/webp;base64,"), (tag, value)


@pytest.fixture
def parsed() -> Callable[[str], Read]:
    """Return a function that parses a page and checks what holds for each of them."""

    def parse(html: str) -> Read:
        read = Read()
        read.feed(html)
        read.close()
        read.assert_harmless()
        outside = html.replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert "url(" not in outside.partition("</style>")[0]
        assert "@import" not in outside
        return read

    return parse

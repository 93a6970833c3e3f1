"""A person in front of the app: reads, clicks, and counts the clicks; what they saw is kept."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

SEEN = Path(__file__).parents[2] / "test-output" / "screenshots"
PATIENCE = 60_000  # milliseconds; the machine may be busy
TRAINED = 240_000


class Visitor:
    """Somebody at a page.

    Attributes:
        page: the tab in front of them.
        name: the beginning of the kept pictures' names.
        clicks: how many so far.
        began: when they opened the app, in seconds of `time.monotonic`.
    """

    def __init__(self, page: Page, name: str) -> None:
        self.page, self.name = page, name
        self.clicks, self.began = 0, time.monotonic()

    def open(self, address: str) -> None:
        """Type an address."""
        self.page.goto(address)

    def click(self, what: Locator) -> None:
        """Click something on the page, as soon as it is there."""
        what.click(timeout=PATIENCE)
        self.clicks += 1

    def press(self, name: str) -> None:
        """Press a button."""
        self.click(self.page.get_by_role("button", name=name).first)

    def choose(self, text: str) -> None:
        """Click what is called so: a tab, a switch, a choice."""
        self.click(self.page.get_by_text(text, exact=True).first)

    def read(self, text: str, timeout: int = PATIENCE) -> None:
        """Wait until a text stands on the page."""
        self.page.get_by_text(text).first.wait_for(timeout=timeout)

    def upload(self, *files: Path) -> None:
        """Hand files, or one folder, to the first upload that takes such."""
        kind = "[webkitdirectory]" if files[0].is_dir() else ":not([webkitdirectory])"
        field = self.page.locator(f"input[type=file]{kind}").first
        field.wait_for(state="attached", timeout=PATIENCE)
        field.set_input_files(files[0] if len(files) == 1 else list(files))

    def wait_until_trained(self) -> None:
        """Wait for what only an ended run shows."""
        self.page.get_by_role("button", name="Try predictions").wait_for(timeout=TRAINED)

    def settle(self) -> None:
        """Wait until the page's script has run to its end and nothing is being drawn."""
        self.page.wait_for_selector(
            "[data-testid=stApp][data-test-script-state=notRunning]", timeout=PATIENCE
        )
        self.page.wait_for_function(
            "document.querySelectorAll('[data-stale=true], [data-testid=stSkeleton]').length === 0",
            timeout=PATIENCE,
        )

    def keep(self, what: str, at: str = "") -> None:
        """Keep a picture of the window, and see that nothing on the page went wrong.

        Args:
            what: is seen; the end of the picture's name.
            at: text that the page is scrolled to.
        """
        self.settle()
        if at:
            self.page.get_by_text(at).first.evaluate("it => it.scrollIntoView({block: 'center'})")
        SEEN.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SEEN / f"{self.name}-{what}.png")
        assert self.page.locator("[data-testid=stException]").count() == 0
        assert self.page.get_by_text("went wrong on our side").count() == 0

    @property
    def seconds(self) -> float:
        """Since they opened the app."""
        return time.monotonic() - self.began

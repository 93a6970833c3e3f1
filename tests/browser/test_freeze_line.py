"""The freeze line follows a pointer and the keys, and the figures beside it follow the line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tl_core.backbones.catalog import find_card

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

    from tests.browser.conftest import Server

pytestmark = pytest.mark.browser
ADDRESS = "/backbone?backbone=resnet18&recipe=fine-tune&freeze=stem"


def grip_of(line: Locator) -> tuple[float, float]:
    """Return where the middle of the line's grip is on the screen, in pixels."""
    line.wait_for(timeout=60_000)
    line.scroll_into_view_if_needed()
    grip = line.locator("circle").bounding_box()
    assert grip
    return grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2


def test_the_line_is_dragged_and_moved_by_keys(
    page: Page, browser: Browser, server: Server
) -> None:
    page.goto(ADDRESS)
    line = page.locator("g.line")
    x, y = grip_of(line)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 185, y, steps=6)  # nearly two stages, to the place behind layer2

    def says(stage: str) -> None:
        page.locator(f"g.line[aria-valuetext='frozen up to {stage}']").wait_for(timeout=30_000)
        card = find_card("resnet18")
        learns = card.trainable_parameters(card.stage_names.index(stage) + 1, 2)
        page.get_by_text(f"{learns:,}").wait_for(timeout=30_000)

    says("layer2")  # while it is held
    page.mouse.up()
    assert line.get_attribute("transform") is None
    for key, stage in (("ArrowRight", "layer3"), ("ArrowLeft", "layer2"), ("End", "layer4")):
        page.keyboard.press(key)  # the focus stays with the line, though it is drawn anew
        says(stage)
    page.locator("g.stage").first.click()
    says("stem")
    assert "freeze=stem" in page.url
    assert page.locator("[data-testid=stException]").count() == 0
    page.goto("about:blank")
    drag_by_finger(browser, server)


def drag_by_finger(browser: Browser, server: Server) -> None:
    """On a phone the line follows the finger, and the drawing does not scroll instead."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True,
                                  is_mobile=True)  # fmt: skip
    page = context.new_page()
    page.goto(f"{server.url}{ADDRESS}")
    x, y = grip_of(page.locator("g.line"))
    finger = context.new_cdp_session(page)
    for kind, at in (("touchStart", 0), *(("touchMove", 9 * step) for step in range(1, 11))):
        touch = {"type": kind, "touchPoints": [{"x": x + at, "y": y}]}
        finger.send("Input.dispatchTouchEvent", touch)
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.locator("g.line[aria-valuetext='frozen up to layer1']").wait_for(timeout=30_000)
    context.close()

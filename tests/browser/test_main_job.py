"""The main job in a real browser: pictures in, training watched, predictions out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tl_core.data.samples import sample
from tl_core.runs.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Server

pytestmark = pytest.mark.browser
TRAINED = 240_000  # milliseconds; the machine may be busy


def wait_for(page: Page, text: str, timeout: int = 60_000) -> None:
    page.get_by_text(text).first.wait_for(timeout=timeout)


def wait_until_trained(page: Page) -> None:
    """Wait for what only an ended run shows: "best epoch" stands under the live curves as well."""
    page.get_by_role("button", name="Try predictions").wait_for(timeout=TRAINED)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).first.click(timeout=60_000)


def assert_no_trouble(page: Page) -> None:
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.get_by_text("went wrong on our side").count() == 0


def test_a_run_can_be_stopped(page: Page, server: Server) -> None:
    digits = sample(server.workspace, "digits")
    page.goto(f"/train?data={digits.id}&backbone=small")
    press(page, "Start training")
    page.locator(".js-plotly-plot").first.wait_for(timeout=TRAINED)
    press(page, "Stop")
    wait_for(page, "Stopped: Handwritten digits")
    press(page, "Try predictions")
    wait_for(page, "it is 0")
    assert_no_trouble(page)
    (run,) = Store(server.workspace.store).runs()
    assert run.state == "stopped"
    assert Path(run.facts["bundle"]).is_file()


@pytest.mark.shared
def test_real_photos_with_brought_weights(page: Page, shared_data: Path) -> None:
    page.goto("/data")
    page.locator("input[type=file]").first.set_input_files(shared_data / "hymenoptera")
    wait_for(page, "To learn from", 120_000)
    press(page, "Next: choose a backbone")
    page.get_by_text("Bring a weights file for this backbone").click()
    weights = shared_data / "weights" / "mobilenet_v2-imagenet.safetensors"
    page.locator("input[type=file]").first.set_input_files(weights)
    wait_for(page, "Your weights file is used")
    page.get_by_text("Feature extraction", exact=True).click()
    wait_for(page, "freezes every stage")
    press(page, "Next: train")
    press(page, "Start training")
    wait_until_trained(page)
    press(page, "Try predictions")
    wait_for(page, "it is ants")
    assert_no_trouble(page)

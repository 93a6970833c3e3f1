"""Make the pictures of README.md anew.

`python docs/screenshots.py` starts the app with an empty workspace, goes through it with the
drawn phones and laptops and the handwritten digits (no picture of anybody else's is seen), and
writes `docs/*.png`. Takes a few minutes; needs Chromium and what `requirements-test.txt` names.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
from served import serve  # noqa: E402 (importable from here on)

from tl_core.data.samples import sample  # noqa: E402
from tl_core.workspace import Workspace  # noqa: E402

WIDTH, HEIGHT = 1180, 860
LARGEST = 200_000  # bytes; above it a picture makes do with 256 colours
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
PATIENCE = 600_000  # milliseconds, for training on a busy machine


def main() -> None:
    """Go through the app and keep what is seen."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
        serve(home) as app,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(
            base_url=f"http://127.0.0.1:{app.port}", viewport={"width": WIDTH, "height": HEIGHT}
        )
        page.set_default_timeout(PATIENCE)
        walk(page, Workspace.open(home))
        browser.close()


def walk(page: Page, workspace: Workspace) -> None:
    """Take the pictures in the order in which a person sees the pages."""
    page.goto("/")
    page.get_by_text("See it work first").wait_for()
    keep(page, "start")
    phones, digits = (sample(workspace, key).id for key in ("phones", "digits"))
    train(page, phones, "feature-extraction")
    train(page, phones, "fine-tune")
    page.locator(".js-plotly-plot").nth(1).wait_for()
    keep(page, "train")
    page.goto(f"/data?data={phones}")
    page.get_by_text("Look at the pictures").wait_for()
    page.locator("[data-testid=stImage]").nth(20).wait_for()
    keep(page, "data", "Look at the pictures")
    page.goto(f"/backbone?backbone=resnet18&recipe=fine-tune&data={phones}")
    page.locator(".stage").first.wait_for()
    keep(page, "backbone", "How should it learn?")
    page.goto("/compare")
    page.locator(".js-plotly-plot").first.wait_for()
    keep(page, "compare")
    page.goto("/learn?chapter=years")
    page.locator(".js-plotly-plot").first.wait_for()
    keep(page, "learn", "The ImageNet years")

    address = train(page, digits, "feature-extraction")
    page.goto(address.replace("/train", "/validate"))
    page.locator(".js-plotly-plot:has(.heatmaplayer)").wait_for()
    page.locator("[data-testid=stImage]").first.wait_for()
    keep(page, "validate", "What it takes for what")
    page.goto("/predict?data=" + phones)
    page.get_by_role("combobox").first.click()
    page.get_by_role("option", name="Phones and laptops").first.click()
    page.get_by_text("it is phones").nth(1).wait_for()
    keep(page, "predict")


def train(page: Page, dataset: str, recipe: str) -> str:
    """Train Mini, wait until it has learned, and return the run's address."""
    page.goto(f"/train?data={dataset}&backbone=mini&recipe={recipe}")
    page.get_by_role("button", name="Start training").click()
    page.get_by_role("button", name="Try predictions").wait_for()
    return page.url


def keep(page: Page, name: str, top: str = "") -> None:
    """Write what the window shows, scrolled so that a heading stands at its top."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.mouse.move(1, 1)  # nothing is lit up under the pointer
    if top:
        page.get_by_role("heading", name=top).evaluate("it => it.scrollIntoView()")
    page.wait_for_timeout(1500)  # charts and pictures fade in
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    file = Path(__file__).with_name(f"{name}.png")
    picture.save(file, optimize=True)
    if file.stat().st_size > LARGEST:
        picture.quantize(256).save(file, optimize=True)


if __name__ == "__main__":
    main()

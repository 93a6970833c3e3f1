"""Bringing pictures in a real browser: many at once, from the camera, and with names that bite."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tl_core.data.dataset import list_datasets
from tl_core.data.intake import import_source
from tl_core.escape import shorten

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Server

pytestmark = pytest.mark.browser
MANY = {"ants": 500, "bees": 400, "wasps": 300}
NAMES = (
    "**bold** _it_ `code` $x$ :smile: :red[x]",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(1)) www.evil.example",
    "=1+1 %{x} -- a -> b",
)
BROUGHT = 180_000  # milliseconds; the machine may be busy


def many(folder: Path) -> Path:
    random = np.random.default_rng(1)
    for name, count in MANY.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 256, (24, 24, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.jpg")
    return folder


def metric(page: Page, label: str) -> str:
    found = page.locator("[data-testid=stMetric]", has_text=label).first
    found.wait_for(timeout=BROUGHT)
    return found.locator("[data-testid=stMetricValue]").inner_text()


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def no_trouble(page: Page) -> bool:
    return not page.locator("[data-testid=stException]").count()


@pytest.mark.slow
def test_twelve_hundred_pictures_as_a_folder_and_as_a_zip(
    page: Page, server: Server, tmp_path: Path
) -> None:
    folder = many(tmp_path / "insects")
    page.goto("/data")
    page.locator("input[type=file]").first.set_input_files(folder)
    assert metric(page, "Pictures") == "1200"
    (by_folder,) = list_datasets(server.workspace)
    assert by_folder.counts() == MANY
    assert by_folder.name == "insects"

    shutil.rmtree(by_folder.folder)
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", folder)
    page.goto("/data")
    open_tab(page, "An archive or a table")
    page.locator("input[type=file]:not([webkitdirectory])").first.set_input_files(archive)
    assert metric(page, "Pictures") == "1200"
    (by_zip,) = list_datasets(server.workspace)
    assert by_zip.counts() == MANY
    assert by_zip.id == by_folder.id, "the same pictures, whichever way they came"
    assert no_trouble(page)


@pytest.mark.slow
def test_class_by_class_with_files_and_the_camera(
    page: Page, server: Server, tmp_path: Path
) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (48, 48, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    page.goto("/data")
    open_tab(page, "Class by class, or camera")
    name = page.get_by_label("Name of the class")
    name.fill("noise")
    name.press("Enter")
    # By its label: the uploader of the tab before may still be there for a moment.
    its = page.locator("[data-testid=stFileUploader]", has_text="Its pictures")
    uploader = its.locator("input[type=file]:not([disabled])")
    uploader.wait_for(state="attached")
    uploader.set_input_files(sorted(folder.iterdir()))
    page.get_by_text("3 pictures").wait_for(timeout=60_000)
    name.fill("ball")
    name.press("Enter")
    page.get_by_text("Take snapshots with the camera").click()
    for number, count in enumerate(("1 picture", "2 pictures"), 1):
        # Each time the camera that Chromium pretends begins with the same frames, and what is the
        # same picture is taken once.
        later = "seconds => document.querySelector('video')?.currentTime > seconds"
        page.wait_for_function(later, arg=number * 0.5)
        page.get_by_role("button", name="Take Photo").click(timeout=60_000)
        page.locator("p", has_text=f"ball · {count}").wait_for(timeout=60_000)
    page.get_by_role("button", name="Make these pictures a dataset").click()
    assert metric(page, "Pictures") == "5"
    (made,) = list_datasets(server.workspace)
    assert made.counts() == {"ball": 2, "noise": 3}
    assert no_trouble(page)


@pytest.mark.skipif(sys.platform == "win32", reason="no such folder names there")
def test_names_are_text_wherever_they_stand(page: Page, server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "named"
    for label, name in enumerate(NAMES):
        (folder / name).mkdir(parents=True)
        for number in range(3):
            pixels = np.random.default_rng((label, number)).integers(0, 256, (48, 48, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{name[:9].strip('*<[=')}{number}.png")
    dataset = import_source(server.workspace, folder, NAMES[0])
    alerts: list[str] = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    page.goto(f"/data?data={dataset.id}")
    chart = page.locator(".js-plotly-plot").first.locator(".ytick text")
    chart.first.wait_for(timeout=60_000)
    ticks = {tick.replace("\u2060", "") for tick in chart.all_text_contents()}
    assert ticks == {shorten(name, 30) for name in NAMES}
    heading = page.locator("h3").first
    assert (heading.text_content() or "").replace("\u2060", "").strip() == NAMES[0]
    page.get_by_text("Classes with few pictures").click()
    said = page.locator("p", has_text="has 3 pictures")
    said.first.wait_for()
    told = " ".join(said.all_text_contents()).replace("\u2060", "")
    assert all(name in told for name in NAMES)
    page.goto("/storage")
    page.locator("p", has_text="12 pictures in 4 classes").wait_for(timeout=60_000)
    assert page.locator("a[href*=evil], a[href*=javascript], img[src=x]").count() == 0
    assert alerts == []
    assert no_trouble(page)

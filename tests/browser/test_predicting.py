"""A model that someone sent, and a zip of new pictures: to a table, a CSV and sorted folders."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tl_core.backbones.catalog import find_card
from tl_core.backbones.load import load_backbone
from tl_core.bundles.bundle import Manifest, write_bundle
from tl_core.bundles.predict import Model

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
CLASSES = ("blue", "**red**")
HOSTILE = "../../=1+1 <b>x.png"


def download(page: Page, label: str, target: Path) -> Path:
    with page.expect_download() as coming:
        page.get_by_text(label).click()
    coming.value.save_as(target)
    return target


def test_a_model_that_was_sent_sorts_a_zip_of_pictures(
    page: Page, photo_folder: Callable[..., Path], tmp_path: Path
) -> None:
    photos = sorted(photo_folder({"red": 10, "blue": 10}).rglob("*.png"))
    sent, archive = tmp_path / "sent.headstart", tmp_path / "photos.zip"
    chain, card = load_backbone("small", 2, pretrained=False, seed=3), find_card("small")
    write_bundle(sent, chain, Manifest("small", CLASSES, card.preprocessing, "1", "", (), "0"))
    with zipfile.ZipFile(archive, "w") as made:
        for number, photo in enumerate(photos[1:]):
            made.write(photo, f"new/{number}.png")
        made.write(photos[0], HOSTILE)
        made.writestr("notes.txt", "no picture")

    page.set_default_timeout(60_000)
    page.goto("/predict")
    uploaders = page.locator("input[type=file]")
    uploaders.first.wait_for(state="attached")
    bad = {"name": "evil.headstart", "mimeType": "", "buffer": b"PK\5\6 no model"}
    uploaders.first.set_input_files(bad)
    page.get_by_text("evil.headstart is not a whole Headstart bundle").wait_for()
    uploaders.first.set_input_files(sent)
    page.get_by_text("a model's file from elsewhere").wait_for()

    page.get_by_text("A folder or an archive", exact=True).click()
    page.get_by_text("Or an archive (").wait_for()
    uploaders.nth(1).set_input_files(archive)
    page.get_by_text("1 file could not be read").wait_for()
    page.get_by_text("20 pictures", exact=True).wait_for()
    table = download(page, "Download the table (CSV)", tmp_path / "table.csv")
    page.get_by_role("button", name="Sort the pictures into folders").click()
    folders = download(page, "Download the folders (zip)", tmp_path / "folders.zip")
    assert page.locator("[data-testid=stException]").count() == 0
    assert page.get_by_text("went wrong on our side").count() == 0

    with table.open(encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["path", "class", "probability", *CLASSES, "doubts"]
    outcomes = Model(sent).predict([*photos[1:], photos[0]])
    assert [row[1] for row in rows] == [one.best for one in outcomes]
    assert rows[-1][0] == HOSTILE
    for row, one in zip(rows, outcomes, strict=True):
        assert list(map(float, row[3:5])) == pytest.approx(
            list(one.probabilities.values()), abs=1e-4
        )
    with zipfile.ZipFile(folders) as sorted_:
        names = sorted_.namelist()
        assert len(names) == 21
        assert {name.split("/")[0] for name in names} <= {"predictions.csv", "blue", "__red__"}
        (mine,) = [name for name in names if name.endswith("/=1+1 _b_x.png")]
        assert sorted_.read(mine) == photos[0].read_bytes()

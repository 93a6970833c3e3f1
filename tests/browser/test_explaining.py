"""Explanations in a real browser, by the real predictor: a heat map, and a point that opens."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tl_core.backbones.catalog import find_card
from tl_core.backbones.load import load_backbone
from tl_core.bundles.bundle import Manifest, write_bundle
from tl_core.config import RunConfig
from tl_core.data.intake import import_source
from tl_core.evaluation.predictions import FILE, predictions_of, save_predictions
from tl_core.runs.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_explanations_come_while_the_page_stays_usable(
    page: Page, server: Server, photo_folder: Callable[..., Path]
) -> None:
    dataset = import_source(server.workspace, photo_folder({"red": 20, "blue": 20}), "colours")
    store = Store(server.workspace.store)
    run = store.create(RunConfig(dataset.id, "mini", recipe="fine-tune"))
    folder = server.workspace.runs / run
    chain, card = load_backbone("mini", 2), find_card("mini")
    kind = Manifest("mini", dataset.classes, card.preprocessing, "1", "fine-tune", (), dataset.id)
    write_bundle(folder / "model.headstart", chain, kind)
    store.learn(
        run, dataset_name="colours", classes=dataset.classes, validation_accuracy=0.5,
        bundle=str(folder / "model.headstart"), frozen_stages=[],
        moved=dict.fromkeys(card.stage_names, 0.0) | {"layer4": 0.1},
    )  # fmt: skip
    store.end(run, "finished")
    items = dataset.of("validation")
    said = predictions_of(items, np.eye(2, dtype="f4")[[1 - item.label for item in items]])
    save_predictions(folder / FILE, {"validation": said})

    page.set_default_timeout(60_000)
    page.goto(f"/validate?run={run}")
    page.get_by_text("Where it looked", exact=True).click()
    page.get_by_text("How far each stage moved", exact=True).click()  # while that is computed
    page.get_by_text("Nothing was frozen; layer4 moved most").wait_for()
    looked = page.get_by_text("Bright places speak most")
    looked.or_(page.get_by_text("No place speaks for this class")).wait_for()

    page.get_by_text("A map of your pictures", exact=True).click()
    page.get_by_text("Each point is a picture").wait_for()
    page.locator("[class*=st-key-map-] .scatterlayer .point").first.click(force=True)
    page.get_by_text(re.compile("^(red|blue), (validation picture|learned from)$")).wait_for()
    assert page.locator("[data-testid=stException]").count() == 0

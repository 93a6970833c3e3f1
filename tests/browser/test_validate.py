"""A cell of the confusion matrix, clicked where it is drawn, opens its pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tl_core.config import RunConfig
from tl_core.data.intake import import_source
from tl_core.evaluation.predictions import FILE, predictions_of, save_predictions
from tl_core.runs.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Server

pytestmark = pytest.mark.browser


def test_a_cell_opens_its_pictures(
    page: Page, server: Server, photo_folder: Callable[..., Path]
) -> None:
    """Of three classes, one picture of the first is taken for the last."""
    dataset = import_source(server.workspace, photo_folder({"a": 20, "b": 20, "c": 20}), "letters")
    items = dataset.of("validation")
    logits = np.zeros((len(items), 3), np.float32)
    logits[range(len(items)), [item.label for item in items]] = 3
    logits[0] = (0, 0, 3)
    store = Store(server.workspace.store)
    run = store.create(RunConfig(dataset.id, "small"))
    facts = {"classes": dataset.classes, "bundle": "gone", "validation_accuracy": 0.9}
    store.learn(run, dataset_name="letters", **facts)
    store.end(run, "finished")
    save_predictions(
        server.workspace.runs / run / FILE, {"validation": predictions_of(items, logits)}
    )

    page.goto(f"/validate?run={run}")
    cells = page.locator(".js-plotly-plot:has(.heatmaplayer) .nsewdrag").first
    cells.wait_for(timeout=60_000)
    box = cells.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * 5 / 6, box["y"] + box["height"] / 6)
    said = page.locator("[data-testid=stCaptionContainer]", has_text="said c")
    page.get_by_text("that it called").wait_for(timeout=30_000)
    said.wait_for(timeout=30_000)
    assert "is a" in said.inner_text()
    assert page.get_by_text("Choose it").count() == 1
    assert page.locator("[data-testid=stException]").count() == 0

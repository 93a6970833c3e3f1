"""A study from the Learn page, in a real browser: asked for, answered, and found again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.visitor import TRAINED, Visitor
from tl_core.data.intake import import_source
from tl_core.runs.store import Store
from tl_core.studies.study import studies

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.conftest import Server

pytestmark = pytest.mark.browser
HEADLINE = re.compile("^(Freeze|Let every stage of) .*Mini.*learn|^Freeze all of Mini")


def test_where_to_cut_is_answered_and_found_again(
    page: Page, server: Server, photo_folder: Callable[..., Path]
) -> None:
    dataset = import_source(server.workspace, photo_folder({"red": 20, "blue": 20}), "colours")
    student = Visitor(page, "student")
    student.open(f"/learn?chapter=depth&data={dataset.id}&backbone=mini")
    student.press("Find out")
    page.get_by_role("button", name="Use this freeze line").wait_for(timeout=TRAINED)
    page.locator(".js-plotly-plot").first.wait_for(timeout=60_000)
    headline = page.locator("strong", has_text=HEADLINE).first.inner_text()
    student.keep("where-to-cut", headline)

    page.reload()
    student.read(headline)
    page.locator(".js-plotly-plot").first.wait_for(timeout=60_000)
    (study,) = studies(Store(server.workspace.store))
    assert (study.kind, study.is_over) == ("where-to-cut", True)

    student.press("Use this freeze line")
    student.read("The freeze line")
    assert "freeze=" in page.url

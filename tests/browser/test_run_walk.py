"""A run's whole life, seen from tabs that are closed, opened elsewhere, and never needed."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tl_core.config import RunConfig
from tl_core.data.intake import import_source
from tl_core.runs.store import Run, Store
from tl_core.training.events import EpochEnded

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.browser.conftest import Server

pytestmark = pytest.mark.browser
LONG = 240  # seconds; the machine may be busy


def wait_until(store: Store, run: str, is_so: Callable[[Run], bool]) -> Run:
    end = time.monotonic() + LONG
    while not is_so(now := store.run(run)):
        assert time.monotonic() < end, now
        time.sleep(0.2)
    return now


def epochs(store: Store, run: str) -> int:
    return sum(isinstance(told.event, EpochEnded) for told in store.milestones(run))


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).first.click(timeout=60_000)


def wait_for_heading(page: Page, text: str) -> None:
    page.get_by_role("heading", name=text).wait_for(timeout=LONG * 1000)


def wait_for_curves(page: Page) -> None:
    page.locator(".js-plotly-plot").first.wait_for(timeout=LONG * 1000)


@pytest.fixture
def run(server: Server, photo_folder: Callable[..., Path]) -> str:
    """A run that takes longer than anybody wants to wait."""
    dataset = import_source(server.workspace, photo_folder({"red": 40, "blue": 40}), "colours")
    config = RunConfig(dataset.id, "small", recipe="scratch", epochs=5000)
    return Store(server.workspace.store).create(config, dataset_name=dataset.name)


def test_a_run_is_steered_from_another_browser(
    page: Page, browser: Browser, server: Server, run: str
) -> None:
    store = Store(server.workspace.store)
    page.goto(f"/train?run={run}")
    wait_for_heading(page, "Training: colours")
    wait_for_curves(page)
    address = page.url
    page.close()

    before = epochs(store, run)
    elsewhere = browser.new_context(viewport={"width": 390, "height": 800})
    tab = elsewhere.new_page()
    tab.goto(address)
    wait_for_curves(tab)
    wait_until(store, run, lambda _: epochs(store, run) > before)

    press(tab, "Pause")
    wait_for_heading(tab, "Paused: colours")
    paused_at = epochs(store, run)
    press(tab, "Resume")
    wait_for_heading(tab, "Training: colours")
    wait_until(store, run, lambda _: epochs(store, run) > paused_at)
    press(tab, "Stop")
    wait_for_heading(tab, "Stopped: colours")
    assert Path(store.run(run).facts["bundle"]).is_file()
    tab.get_by_text("The log of this run").click()
    tab.get_by_text("taken by process").first.wait_for(timeout=60_000)
    assert tab.get_by_text("went wrong on our side").count() == 0
    elsewhere.close()


def test_a_run_outlives_its_worker_with_every_browser_closed(
    page: Page, server: Server, run: str
) -> None:
    store = Store(server.workspace.store)
    page.goto(f"/train?run={run}")
    wait_for_curves(page)
    page.close()
    before = epochs(store, run)
    with closing(sqlite3.connect(server.workspace.store)) as db:
        ((pid,),) = db.execute("SELECT pid FROM workers")
    os.kill(pid, signal.SIGKILL)
    wait_until(store, run, lambda _: epochs(store, run) > before + 2)
    store.ask_to_stop(run)
    assert wait_until(store, run, lambda now: now.is_over).state == "stopped"

"""axe-core on every page: nothing serious of ours, in an empty workspace and a used one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest

from tests.browser.visitor import Visitor
from tl_core.backbones.catalog import find_card
from tl_core.backbones.load import load_backbone
from tl_core.bundles.bundle import Manifest, write_bundle
from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset
from tl_core.data.intake import import_source
from tl_core.evaluation.predictions import FILE, predictions_of, save_predictions
from tl_core.runs.store import Store
from tl_core.training.events import EpochEnded, PhaseStarted

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.conftest import Server

pytestmark = pytest.mark.browser
SERIOUS = {"serious", "critical"}
FADING = 1500  # milliseconds
BAR = ("data", "backbone", "train", "validate", "predict", "compare", "learn")
BESIDE = ("runs", "storage")
CHAPTERS = ("A chain of stages", "The ImageNet years", "Less time", "Fewer pictures",
            "Step by step", "Freeze or fine-tune", "Which backbone", "The words")  # fmt: skip
WAYS = ("An archive or a table", "Class by class, or camera", "This machine's disk", "Samples",
        "Public sets", "Here already")  # fmt: skip
# What is not ours to mend: the rule, what the element lies in, and why it is left.
NOT_OURS = (
    (
        "color-contrast",
        "label[data-testid=stWidgetLabel][disabled]",
        "Streamlit fades the label of a disabled control, which WCAG allows (1.4.3, inactive "
        "components); axe does not see that the label belongs to one.",
    ),
)


@pytest.fixture
def look(page: Page) -> Callable[[str], list[str]]:
    """Return a function that tells what is seriously wrong with the page, in light and dark."""
    from axe_playwright_python.base import AXE_SCRIPT

    def look(where: str) -> list[str]:
        visitor.settle()
        if not page.evaluate("'axe' in window"):
            page.evaluate(AXE_SCRIPT)
        found = [("light", *one) for one in lasting("{resultTypes: ['violations']}")]
        paint("dark")  # what else could be wrong does not depend on colours
        found += [("dark", *one) for one in lasting("{runOnly: ['color-contrast']}")]
        paint("light")
        return [f"{where}, {' '.join(one)}" for one in found]

    def paint(scheme: Literal["light", "dark"]) -> None:
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(
            f"getComputedStyle(document.querySelector('.stApp')).colorScheme === '{scheme}'"
        )

    def lasting(options: str) -> list[tuple[str, str, str]]:
        """Look again where something is wrong: colours fade from one theme to the other."""
        if violations(options):
            page.wait_for_timeout(FADING)
            return violations(options)
        return []

    def violations(options: str) -> list[tuple[str, str, str]]:
        answer: dict[str, Any] = page.evaluate(f"axe.run({options})")
        return [
            (rule["id"], node["html"][:200], node["failureSummary"])
            for rule in answer["violations"]
            if rule["impact"] in SERIOUS
            for node in rule["nodes"]
            if not is_not_ours(rule["id"], node["target"])
        ]

    def is_not_ours(rule: str, target: list[Any]) -> bool:
        # The target of what lies in a shadow root is a list: nothing of the kind is on the list.
        inside = "([target, parts]) => document.querySelector(target).closest(parts) !== null"
        return isinstance(target[0], str) and any(
            rule == known and page.evaluate(inside, [target[0], parts])
            for known, parts, _ in NOT_OURS
        )

    visitor = Visitor(page, "accessibility")
    return look


def go(page: Page, key: str) -> None:
    """Follow the link to a page in the bar, which costs no reload."""
    page.locator(f".st-key-steps a[href^='{key}']").click(timeout=60_000)
    page.wait_for_url(f"**/{key}**")
    page.locator(".st-key-steps a", has=page.locator("strong")).wait_for(timeout=60_000)


def test_an_empty_workspace(page: Page, look: Callable[[str], list[str]]) -> None:
    page.goto("/")
    page.get_by_text("Start with the sample").wait_for(timeout=60_000)
    found = look("start")
    for key in BESIDE:
        page.goto(f"/{key}")
        page.locator("h2").first.wait_for(timeout=60_000)
        found += look(key)
    for key in BAR:
        go(page, key)
        found += look(key)
    assert found == []


@pytest.fixture
def used(page: Page, server: Server, photo_folder: Callable[..., Path]) -> None:
    """A workspace with pictures and two finished runs, opened in the tab."""
    dataset = import_source(server.workspace, photo_folder({"red": 20, "blue": 20}), "colours")
    first, _ = (finished(server, dataset, kind) for kind in ("feature-extraction", "fine-tune"))
    page.goto(f"/data?data={dataset.id}&backbone=mini&run={first}")
    page.get_by_text("To learn from").first.wait_for(timeout=60_000)


@pytest.mark.usefixtures("used")
def test_with_pictures_and_finished_runs(page: Page, look: Callable[[str], list[str]]) -> None:
    found = look("data")
    for key in BAR[1:]:
        go(page, key)
        found += look(key)
    page.locator(".st-key-steps a", has_text="Start").click()
    page.get_by_role("heading", name="Your runs").wait_for(timeout=60_000)
    found += look("start")
    for key in BESIDE:
        page.goto(f"/{key}")
        page.locator("h2").first.wait_for(timeout=60_000)
        found += look(key)
    assert found == []


@pytest.mark.slow
@pytest.mark.usefixtures("used")
def test_every_way_to_bring_pictures_and_every_chapter(
    page: Page, look: Callable[[str], list[str]]
) -> None:
    found = []
    for way in WAYS:
        page.get_by_role("tab", name=way).click(timeout=60_000)
        found += look(f"data, {way}")
    go(page, "learn")
    for chapter in CHAPTERS:
        page.get_by_text(chapter, exact=True).first.click()
        page.get_by_role("heading", name=chapter, exact=True).wait_for(timeout=60_000)
        found += look(f"learn, {chapter}")
    assert found == []


def finished(server: Server, dataset: Dataset, recipe: Any) -> str:
    """Return a run that has all that pages show of one: figures, curves, answers and a model."""
    store = Store(server.workspace.store)
    run = store.create(RunConfig(dataset.id, "mini", recipe=recipe), dataset_name=dataset.name)
    folder = server.workspace.runs / run
    card, items = find_card("mini"), dataset.of("validation")
    model = Manifest("mini", dataset.classes, card.preprocessing, "1", recipe, (), dataset.id)
    write_bundle(folder / "model.headstart", load_backbone("mini", 2), model)
    logits = np.eye(2, dtype="f4")[[item.label for item in items]]
    logits[0] = logits[0, ::-1]  # a mistake
    save_predictions(folder / FILE, {"validation": predictions_of(items, 3 * logits)})
    phases = [{"name": "head", "epochs": 3, "patience": 4, "views": 1, "frozen_share": 1.0}]
    store.learn(
        run, dataset_name=dataset.name, classes=list(dataset.classes), frozen_stages=[],
        bundle=str(folder / "model.headstart"), validation_accuracy=0.9, test_accuracy=None,
        train_accuracy=1.0, best_epoch=3, epochs=3, seconds=6.0, epochs_planned=3, phases=phases,
    )  # fmt: skip
    store.append(run, [PhaseStarted(0, "head", 5, 3)])
    ended = [EpochEnded(0, n, 1 / n, 0.5, 1.1 / n, 0.4 + n / 10, 1e-3, 2.0, 14, True)
             for n in (1, 2, 3)]  # fmt: skip
    store.append(run, ended)
    store.end(run, "finished")
    return run

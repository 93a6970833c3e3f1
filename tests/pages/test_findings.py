"""What was found, on the Data page: shown with its reason, and mended only when asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from tl_core.data import scan as scanning
from tl_core.data.dataset import Dataset, list_datasets
from tl_core.data.intake import import_source
from tl_core.data.scan import findings
from tl_core.workspace import Workspace

Open = Callable[..., AppTest]


def text(app: AppTest) -> str:
    return "\n".join(str(p.value) for p in [*app.markdown, *app.caption, *app.error, *app.success])


def button(app: AppTest, key: str) -> Any:
    return next(b for b in app.button if b.key and b.key.startswith(key))


@pytest.fixture
def flawed(workspace: Workspace, photo_folder: Callable[..., Path]) -> Dataset:
    """Two classes with a picture in both of them, and two blank ones."""
    folder = photo_folder({"red": 24, "**blue**": 24})
    same = (folder / "red" / "000.png").read_bytes()
    (folder / "**blue**" / "same.png").write_bytes(same)
    for number, colour in enumerate(("white", "black")):
        Image.new("RGB", (48, 48), colour).save(folder / "red" / f"blank{number}.png")
    return import_source(workspace, folder, "flawed")


def test_each_finding_has_its_pictures_a_reason_and_something_to_do(
    open_page: Open, flawed: Dataset
) -> None:
    app = open_page("data", data=flawed.id)
    titles = [expander.label for expander in app.expander]
    assert titles == ["The same picture in two classes: 1", "Pictures of one colour: 2"]
    assert "the network is taught a contradiction" in text(app)
    assert r"red and \*\*blue\*\*" in text(app) or r"\*\*blue\*\* and red" in text(app)
    assert [radio.options[0] for radio in app.radio] == ["Leave it"] * 3
    assert all(radio.value == "Leave it" for radio in app.radio), "nothing is chosen beforehand"
    assert button(app, "mend").disabled
    assert "Choose above what to change first." in text(app)


def test_what_is_chosen_makes_a_version_and_leaves_the_first(
    open_page: Open, workspace: Workspace, flawed: Dataset
) -> None:
    app = open_page("data", data=flawed.id)
    app.radio[0].set_value("Keep it in red alone").run()
    assert button(app, "mend").label == "Make a version with 1 change"
    button(app, f"all-{flawed.id}-blank").click().run()
    assert {radio.value for radio in app.radio[1:]} == {"Remove it"}
    button(app, "mend").click().run()
    assert not app.exception
    made = next(d for d in list_datasets(workspace) if d.id != flawed.id)
    assert app.query_params["data"] == made.id
    assert made.counts() == {"**blue**": 24, "red": 24}
    splits = {item.file: item.split for item in flawed.items}
    assert all(splits[item.file] == item.split for item in made.items)
    assert findings(workspace, made) == []
    assert "Nothing was found that would mislead" in text(app)
    assert len(list_datasets(workspace)) == 2


def test_a_choice_can_be_taken_back(open_page: Open, flawed: Dataset) -> None:
    app = open_page("data", data=flawed.id)
    app.radio[1].set_value("Remove it").run()
    app.radio[1].set_value("Leave it").run()
    assert button(app, "mend").disabled


def test_what_cannot_be_mended_is_told(open_page: Open, workspace: Workspace) -> None:
    folder = workspace.root.parent / "tiny"
    for name, colours in (("a", ("red", "green", "blue")), ("b", ("cyan", "pink", "gold"))):
        for colour in colours:
            (folder / name).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 40), colour).save(folder / name / f"{colour}.png")
    dataset = import_source(workspace, folder)
    app = open_page("data", data=dataset.id)
    button(app, f"all-{dataset.id}-blank").click().run()
    button(app, "mend").click().run()
    assert "nothing would be left to learn from" in text(app)
    assert list_datasets(workspace) == [dataset]


def test_a_long_scan_shows_its_progress_and_the_page_goes_on(
    open_page: Open, workspace: Workspace, flawed: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kept in workspace.cache.rglob("*.npy"):
        kept.unlink()
    monkeypatch.setattr(scanning, "_TILE", 10)
    app = open_page("data", data=flawed.id)
    assert "You can go on meanwhile" in text(app)
    assert not next(b for b in app.button if b.label == "Next: choose a backbone").disabled
    for _ in range(3):
        app.run()
    assert "What to look at before training" in [s.value for s in app.subheader]


def test_how_far_figures_can_be_trusted_is_said(open_page: Open, dataset: Dataset) -> None:
    app = open_page("data", data=dataset.id)
    count = dataset.split_counts()["validation"]
    assert f"1 picture of {count} is {100 / count:.1f} points" in text(app).replace("\\", "")


def test_a_picture_is_shown_as_the_network_sees_it(open_page: Open, dataset: Dataset) -> None:
    app = open_page("data", data=dataset.id, backbone="mini")
    assert "What Mini sees" in text(app)
    button = next(b for b in app.button if b.label == "Show it varied")
    button.click().run()
    assert "The model is gone" in text(app), "the other process is asked"

"""Samples and public sets on the Data page: what is shown, and what a failure says."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import md5
from typing import Any
from urllib.error import URLError

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.shared import ready
from tests.conftest import draw
from tl_core import download
from tl_core.data import public
from tl_core.data.dataset import Dataset, list_datasets
from tl_core.data.public import PUBLIC_SETS, find_public
from tl_core.data.samples import SAMPLES
from tl_core.workspace import Workspace

Open = Callable[..., AppTest]


def text(app: AppTest) -> str:
    return "\n".join(str(part.value) for part in [*app.markdown, *app.caption, *app.error])


def button(app: AppTest, key: str) -> Any:
    return next(b for b in app.button if b.key == key)


@pytest.fixture
def open_tab(open_page: Open) -> Open:
    """Return a function that opens the Data page at one of its tabs."""

    def go(tab: str, **query: str) -> AppTest:
        app = open_page("data", **query)
        app.session_state["ways"] = tab
        app.run()
        assert not app.exception
        return app

    return go


def test_samples_are_shown_with_pictures_and_taken_by_a_click(
    open_tab: Open, workspace: Workspace
) -> None:
    app = open_tab("Samples")
    assert len(app.image) == 6 * len(SAMPLES)
    for entry in SAMPLES:
        assert entry.about in text(app)
        assert button(app, f"sample-{entry.key}").label == f"Use {entry.title}"
    button(app, "sample-digits").click().run()
    assert not app.exception
    (dataset,) = list_datasets(workspace)
    assert app.query_params["data"] == dataset.id
    assert {metric.label: metric.value for metric in app.metric}["Pictures"] == "600"


def test_nothing_is_made_while_the_tab_is_closed(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    monkeypatch.setattr(ready, "_examples", lambda key: made.append(key) or [])
    open_page("data")
    assert made == []


def test_public_sets_say_what_they_are_and_cost(open_tab: Open) -> None:
    said = text(open_tab("Public sets"))
    for chosen in PUBLIC_SETS:
        assert chosen.title in said
        assert chosen.taken in said
        assert chosen.home in said
    labels = [b.label for b in open_tab("Public sets").button]
    assert "Download 792 MB" in labels


def test_offline_a_sentence_says_what_works(
    open_tab: Open, monkeypatch: pytest.MonkeyPatch, dataset: Dataset
) -> None:
    def offline(*_: Any, **__: Any) -> None:
        raise URLError("no route")

    monkeypatch.setattr(download, "urlopen", offline)
    app = open_tab("Public sets", data=dataset.id)
    button(app, "public-eurosat").click().run()
    assert "seems to be offline" in text(app)
    assert "Phones and laptops or Handwritten digits, which need no internet" in text(app)
    assert app.query_params["data"] == dataset.id, "nothing that was chosen is lost"


def test_a_broken_download_is_offered_to_go_on(
    open_tab: Open, file_server: Any, monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for index, name in enumerate(("ants", "bees")):
            for number in range(4):
                data = io.BytesIO()
                pixels = draw(name, index, number, 24)
                Image.fromarray(pixels).save(data, "PNG")
                packed.writestr(f"{name}/{number}.png", data.getvalue())
    body = archive.getvalue()
    file_server.files["/set.zip"] = body
    chosen = find_public("ants-bees")
    source = replace(
        chosen.files[0], url=file_server.url("/set.zip"), bytes=len(body),
        digest=f"md5:{md5(body).hexdigest()}",  # noqa: S324
    )  # fmt: skip
    sets = (replace(chosen, files=(source,)),)
    monkeypatch.setattr(public, "PUBLIC_SETS", sets)
    monkeypatch.setattr(ready, "PUBLIC_SETS", sets)
    file_server.cuts = [3000, 0, 0, 0]

    app = open_tab("Public sets")
    button(app, "public-ants-bees").click().run()
    assert "the connection broke off" in text(app)
    app.run()
    assert button(app, "public-ants-bees").label.startswith("Go on with the download")
    assert "it goes on from there" in text(app)
    button(app, "public-ants-bees").click().run()
    (dataset,) = list_datasets(workspace)
    assert dataset.counts() == {"ants": 4, "bees": 4}
    assert app.query_params["data"] == dataset.id
    assert button(app, "public-ants-bees").label == "Use Ants and bees"
    assert file_server.asked[-1] == "bytes=3000-"

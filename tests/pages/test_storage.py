"""The Storage page: sizes, a question before anything goes, and why something may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamlit.testing.v1 import AppTest

from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset, find_dataset, list_datasets
from tl_core.runs.store import Store
from tl_core.workspace import Workspace

Open = Callable[..., AppTest]


def text(app: AppTest) -> str:
    return "\n".join(str(p.value) for p in [*app.markdown, *app.caption, *app.info, *app.error])


def button(app: AppTest, key: str) -> Any:
    return next(b for b in app.button if b.key == key)


def test_an_empty_workspace_says_what_to_do(open_page: Open) -> None:
    app = open_page("storage")
    assert "bring some on the Data page" in text(app)
    assert "Nothing was trained here yet." in text(app)


def test_a_dataset_goes_after_a_question(
    open_page: Open, workspace: Workspace, dataset: Dataset
) -> None:
    app = open_page("storage")
    assert "**colours** · 20 pictures in 2 classes" in text(app)
    button(app, f"delete-{dataset.id}").click().run()
    assert "The dataset colours goes" in text(app)
    assert len(list_datasets(workspace)) == 1, "nothing goes before the answer"
    button(app, "confirm").click().run()
    assert list_datasets(workspace) == []


def test_what_a_run_holds_cannot_go(open_page: Open, store: Store, dataset: Dataset) -> None:
    run = store.create(RunConfig(dataset.id, "small"))
    app = open_page("storage")
    assert button(app, f"delete-{dataset.id}").disabled
    assert f"Run {run[:6]} learns from it and is not over" in text(app)
    assert button(app, f"delete-{run}").disabled
    assert "stop it on the Train page first" in text(app)


def test_a_run_goes_after_a_question(open_page: Open, store: Store, finished: str) -> None:
    app = open_page("storage")
    button(app, f"delete-{finished}").click().run()
    assert f"The run {finished[:6]}" in text(app)
    assert "the pictures stay" in text(app)
    button(app, "confirm").click().run()
    assert store.runs() == []


def test_a_picture_is_found_and_erased(
    open_page: Open, workspace: Workspace, dataset: Dataset
) -> None:
    item = dataset.items[3]
    app = open_page("storage")
    by = next(f for f in app.file_uploader if f.key == "erase-file")
    by.set_value(("mine.png", dataset.path(item).read_bytes(), "image/png")).run()
    assert any(item.name in option for box in app.selectbox for option in box.options)
    button(app, f"erase-{dataset.id}").click().run()
    button(app, "confirm").click().run()
    assert item.file not in {i.file for i in find_dataset(workspace, dataset.id).items}


def test_a_picture_that_is_not_here(open_page: Open) -> None:
    app = open_page("storage")
    next(i for i in app.text_input if i.key == "erase-name").set_value("nobody").run()
    assert "No picture came with such a name." in text(app)

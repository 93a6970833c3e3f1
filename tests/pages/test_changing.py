"""Changing a dataset on the Data page: every change is a version, and each button says why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tl_core.config import RunConfig
from tl_core.data.allowed import VARIABLE
from tl_core.data.dataset import Dataset, find_dataset, list_datasets
from tl_core.data.edit import renamed
from tl_core.data.versions import save_version
from tl_core.runs.store import Store
from tl_core.workspace import Workspace

Open = Callable[..., AppTest]


def text(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.error, *app.info, *app.subheader]
    return "\n".join(str(p.value) for p in parts)


def by_key(widgets: Any, key: str) -> Any:
    return next(w for w in widgets if w.key and w.key.startswith(key))


def by_label(widgets: Any, label: str) -> Any:
    return next(w for w in widgets if w.label.startswith(label))


def shown(app: AppTest, workspace: Workspace) -> Dataset:
    return find_dataset(workspace, "".join(app.query_params["data"]))


@pytest.fixture
def changing(open_page: Open, dataset: Dataset) -> Callable[[str], AppTest]:
    def go(way: str) -> AppTest:
        app = open_page("data", data=dataset.id)
        by_key(app.button_group, "change-way").set_value(way).run()
        assert not app.exception
        return app

    return go


def test_rename(changing, workspace: Workspace) -> None:
    app = changing("Rename a class")
    assert by_key(app.button, "do-rename").disabled
    assert "Type another name first." in text(app)
    by_key(app.text_input, "rename-blue").set_value("**sky**").run()
    by_key(app.button, "do-rename").click().run()
    assert shown(app, workspace).classes == ("**sky**", "red")
    assert len(list_datasets(workspace)) == 2
    assert "A version of colours, which stays as it is" in text(app)


def test_put_together_and_remove(changing) -> None:
    app = changing("Put a class into another")
    assert by_label(app.button, "Put them together").disabled
    by_key(app.selectbox, "merge-target").set_value(1).run()
    by_label(app.button, "Put them together").click().run()
    assert "Only one class would be left" in text(app)
    app = changing("Remove a class")
    assert by_key(app.button, "do-remove").disabled
    assert "add another class first" in text(app)


def test_add_pictures(changing, workspace: Workspace, photo_folder: Callable[..., Path]) -> None:
    app = changing("Add pictures")
    by_key(app.selectbox, "add-to").set_value(2).run()
    assert "First say above which class they are of." in text(app)
    by_key(app.text_input, "add-name").set_value("green").run()
    folder = photo_folder({"green": 3})
    files = [(p.name, p.read_bytes(), "image/png") for p in sorted(folder.rglob("*.png"))]
    by_key(app.file_uploader, "gather-add").set_value(files).run()
    by_label(app.button, "Add 3 pictures to green").click().run()
    assert not app.error
    assert shown(app, workspace).counts() == {"blue": 10, "green": 3, "red": 10}
    assert not list(workspace.uploads.iterdir()), "the draft is gone"


def test_move_and_take_out(open_page: Open, workspace: Workspace, dataset: Dataset) -> None:
    def choosing() -> AppTest:
        app = open_page("data", data=dataset.id)
        by_key(app.toggle, "choosing").set_value(True).run()
        assert "Choose pictures above first." in text(app)
        chosen = next(box for box in app.checkbox if box.label == "to learn from")
        chosen.check().run()
        return app

    app = choosing()
    by_label(app.selectbox, "Move 1 picture to").set_value(1).run()
    by_key(app.button, "move").click().run()
    assert shown(app, workspace).counts() == {"blue": 9, "red": 11}
    app = choosing()
    by_key(app.button, "take-out-chosen").click().run()
    assert shown(app, workspace).counts() == {"blue": 9, "red": 10}


def test_erase(open_page: Open, workspace: Workspace, dataset: Dataset, store: Store) -> None:
    run = store.create(RunConfig(dataset.id, "small"))

    def choosing() -> AppTest:
        app = open_page("data", data=dataset.id)
        by_key(app.toggle, "choosing").set_value(True).run()
        next(box for box in app.checkbox if box.label == "to learn from").check().run()
        return app

    app = choosing()
    assert by_key(app.button, f"erase-{dataset.id}").disabled
    assert f"Run {run[:6]} learns from it and is not over" in text(app)
    store.end(run, "failed")
    app = choosing()
    by_key(app.button, f"erase-{dataset.id}").click().run()
    assert "It cannot be undone" in text(app)
    by_key(app.button, "confirm").click().run()
    assert len(find_dataset(workspace, dataset.id).items) == 19


def test_gathering_class_by_class(open_page: Open, workspace: Workspace, photo_folder) -> None:
    app = open_page("data")
    open_tab(app, "Class by class, or camera")
    assert "Nothing is gathered yet" in text(app)
    folder = photo_folder({"red": 3, "blue": 3})
    for name in ("red", "blue"):
        by_key(app.text_input, "collect-name").set_value(name).run()
        files = [(p.name, p.read_bytes(), "image/png") for p in sorted((folder / name).iterdir())]
        by_key(app.file_uploader, "gather-new").set_value(files).run()
        if name == "red":
            app.run()  # a fresh uploader
            by_key(app.file_uploader, "gather-new").set_value(files[:2]).run().run()
            assert "2 pictures of these had been in the class already" in text(app)
            assert by_label(app.button, "Make these pictures").disabled
            assert "add another class" in text(app)
    by_label(app.button, "Make these pictures").click().run()
    assert shown(app, workspace).counts() == {"blue": 3, "red": 3}


def open_tab(app: AppTest, name: str) -> None:
    app.session_state["ways"] = name
    app.run()
    assert not app.exception


def test_this_machines_disk(
    open_page: Open, workspace: Workspace, photo_folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page("data")
    open_tab(app, "This machine's disk")
    assert VARIABLE in text(app).replace("\\", "")
    folder = photo_folder({"red": 3, "blue": 3})
    monkeypatch.setenv(VARIABLE, str(folder.parent))
    app = open_page("data")
    open_tab(app, "This machine's disk")
    by_key(app.selectbox, "disk-").set_value(folder.name).run()
    by_key(app.button, "disk-import").click().run()
    assert shown(app, workspace).counts() == {"blue": 3, "red": 3}


def test_versions_that_others_were_made_of_stand_apart(
    open_page: Open, workspace: Workspace, dataset: Dataset
) -> None:
    made = save_version(workspace, dataset, renamed(dataset, "red", "crimson"))
    app = open_page("data")
    open_tab(app, "Here already")
    assert [e.label for e in app.expander] == ["Earlier versions: 1"]
    assert [b.key for b in app.button if b.key and b.key.startswith("known")] == [
        f"known{made.id}",
        f"known{dataset.id}",
    ]

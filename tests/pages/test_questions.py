"""What only the person can answer about an upload is asked on the page, and the import goes on."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from tl_core.data.dataset import list_datasets
from tl_core.workspace import Workspace


@pytest.fixture
def picture() -> Callable[[int], bytes]:
    """Return a function that draws the picture of a number."""

    def draw(number: int) -> bytes:
        data = BytesIO()
        Image.new("RGB", (20, 20), (9 * number % 256, 40, 90)).save(data, "PNG")
        return data.getvalue()

    return draw


@pytest.fixture
def upload(open_page: Callable[..., AppTest]) -> Callable[..., AppTest]:
    """Return a function that uploads files on the Data page."""

    def go(*files: tuple[str, bytes]) -> AppTest:
        app = open_page("data")
        app.session_state["ways"] = "An archive or a table"
        app.run()
        uploader = next(one for one in app.file_uploader if str(one.key).startswith("files"))
        uploader.set_value([(name, data, "") for name, data in files]).run()
        assert not app.exception
        return app

    return go


def question(app: AppTest):
    return next(radio for radio in app.radio if radio.key.startswith("answer"))


def press(app: AppTest, key: str) -> None:
    next(button for button in app.button if button.key == key).click().run()
    assert not app.exception


def folds(picture: Callable[[int], bytes]) -> bytes:
    data, number = BytesIO(), 0
    with zipfile.ZipFile(data, "w") as archive:
        for fold in ("fold1", "fold2"):
            for label in ("cat", "dog"):
                for n in range(4):
                    number += 1
                    archive.writestr(f"{fold}/{label}/{n}.png", picture(number))
    return data.getvalue()


def test_folders_are_asked_about(upload, picture, workspace: Workspace) -> None:
    app = upload(("folds.zip", folds(picture)))
    radio = question(app)
    assert "can be read in two ways" in radio.label
    assert radio.options == ["The classes are 'cat', 'dog'", "The classes are 'fold1', 'fold2'"]
    assert list_datasets(workspace) == []
    assert next(b for b in app.button if b.key == "answer-go").disabled
    radio.set_value(0).run()
    press(app, "answer-go")
    [dataset] = list_datasets(workspace)
    assert dataset.classes == ("cat", "dog")
    assert not [radio for radio in app.radio if radio.key.startswith("answer")]
    assert any("classes by the folders inside 'fold1', 'fold2'" in c.value for c in app.caption)


def test_columns_are_asked_about_one_question_after_the_other(
    upload, picture, workspace: Workspace
) -> None:
    rows = [f"{n},{7 - n},{'ab'[n % 2]},{'xy'[n // 4]}" for n in range(8)]
    table = "\n".join(["first,second,label,category", *rows]).encode()
    app = upload(("t.csv", table), *((f"{n}.png", picture(n)) for n in range(8)))
    assert "Several columns of t\\.csv could name the pictures" in question(app).label
    question(app).set_value(1).run()
    press(app, "answer-go")
    assert "Several columns of t\\.csv could say the classes" in question(app).label
    question(app).set_value(1).run()
    press(app, "answer-go")
    [dataset] = list_datasets(workspace)
    assert dataset.classes == ("x", "y")
    first = next(item for item in dataset.items if item.name == "0.png")
    assert dataset.classes[first.label] == "y", "the second column counts backwards"


def test_an_upload_can_be_left(upload, picture, workspace: Workspace) -> None:
    app = upload(("folds.zip", folds(picture)))
    press(app, "answer-leave")
    assert not [radio for radio in app.radio if radio.key.startswith("answer")]
    assert list_datasets(workspace) == []
    assert not Path(workspace.datasets).exists() or not list(workspace.datasets.iterdir())


def test_parts_of_a_download_are_taken_together(upload, picture, workspace: Workspace) -> None:
    parts = []
    for number, label in enumerate(("ants", "bees"), 1):
        data = BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            for n in range(4):
                archive.writestr(f"set/{label}/{n}.png", picture(10 * number + n))
        parts.append((f"set-{number:03}.zip", data.getvalue()))
    upload(*parts)
    [dataset] = list_datasets(workspace)
    assert (dataset.name, dataset.counts()) == ("set", {"ants": 4, "bees": 4})


def test_another_archive_is_called_by_its_name(upload) -> None:
    app = upload(("photos.7z", b"7z\xbc\xaf"))
    assert "is a 7\\-Zip archive" in app.error[0].value

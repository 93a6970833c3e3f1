"""The Predict page: many pictures at once, models from elsewhere, and taking a model along."""

from __future__ import annotations

import asyncio
import csv
import io
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.requests import Request
from streamlit.testing.v1 import AppTest

from pages.shared import downloads
from tests.pages.test_pages import button, text
from tl_core.backbones.catalog import find_card
from tl_core.bundles.archive import write_bundle_file
from tl_core.bundles.manifest import WEIGHTS, Figures, Manifest
from tl_core.data.dataset import Dataset
from tl_core.runs.batch import AT_ONCE
from tl_core.runs.predictor.predicting import Predictor
from tl_core.runs.store import Store
from tl_core.training.phases import plan
from tl_core.workspace import Workspace

Open = Callable[..., AppTest]
HOSTILE = "=cmd|' /C calc'!A0 **bold**"


class Answers:
    """Stands for the predictor's process: all is red, unless something is wrong."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.doubts: list[str] = []
        self.error = ""

    def __call__(self, _: Predictor, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(len(request["pictures"]))
        if self.error:
            return {"error": self.error}
        shares = {"blue": 0.25, "red": 0.75}
        return {
            "predictions": [
                {"reason": "not a picture that can be read"}
                if Path(picture).read_bytes().startswith(b"no")
                else {"probabilities": shares, "doubts": self.doubts}
                for picture in request["pictures"]
            ]
        }


@pytest.fixture(autouse=True)
def answers(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> Answers:  # noqa: ARG001 (first)
    made = Answers()
    monkeypatch.setattr(Predictor, "_ask", lambda *arguments: made(*arguments))
    return made


def manifest(**changes: Any) -> Manifest:
    values: dict[str, Any] = {
        "backbone": "small", "classes": ("blue", "red"), "recipe": "scratch", "opener": "1",
        "preprocessing": find_card("small").preprocessing, "frozen_stages": (), "dataset": "0" * 16,
        "dataset_name": "Sweets", "figures": {"validation": Figures(10, 9)}, "licence": "Not sold.",
    }  # fmt: skip
    return Manifest(**(values | changes))


@pytest.fixture
def sent(tmp_path: Path) -> bytes:
    """A model's file as somebody would send it; what its weights are is the predictor's matter."""
    path = tmp_path / "sent.headstart"
    write_bundle_file(path, manifest(), {WEIGHTS: bytes(16)})
    return path.read_bytes()


@pytest.fixture
def trained(finished: str, store: Store, workspace: Workspace) -> str:
    """A finished run whose model is there."""
    path = workspace.runs / finished / "model.headstart"
    write_bundle_file(path, manifest(), {WEIGHTS: bytes(16)})
    config = store.run(finished).config.with_(recipe="scratch", freeze="0")
    phases = [asdict(phase) for phase in plan(config, find_card("small"), 14, "cpu").phases]
    store.learn(finished, bundle=str(path), recipe="scratch", phases=phases)
    return finished


def photo(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (9, 9), (shade, 0, 0)).save(out, "PNG")
    return out.getvalue()


def archive(pictures: dict[str, bytes]) -> tuple[str, bytes, str]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, content in pictures.items():
            made.writestr(name, content)
    return "photos.zip", out.getvalue(), "application/zip"


def bring(app: AppTest, label: str, *files: tuple[str, bytes, str]) -> None:
    uploader = next(one for one in app.file_uploader if one.label.startswith(label))
    uploader.set_value(files[0] if len(files) == 1 else list(files)).run()
    assert not app.exception


def choose_way(app: AppTest, way: str) -> None:
    app.button_group[0].set_value(way).run()
    assert not app.exception


def handed_out(app: AppTest) -> dict[str, Path]:
    """Return the files that a page offers, by the words on the buttons."""
    urls = {link.proto.label: link.proto.url for link in app.get("link_button")}
    return {
        label: downloads._offered[url.rsplit("/", 1)[1]][0]
        for label, url in urls.items()
        if "handed-out" in url
    }


def test_an_archive_becomes_a_table_and_sorted_folders(
    open_page: Open, trained: str, answers: Answers
) -> None:
    app = open_page("predict", run=trained)
    choose_way(app, "A folder or an archive")
    pictures = {f"in/{n}.png": photo(n) for n in range(AT_ONCE + 1)}
    answers.asked.clear()
    bring(app, "Or an archive", archive(pictures | {"../../**e**.txt": b"no"}))
    assert answers.asked == [AT_ONCE, 2], "part by part"
    assert "**17 pictures** · red 17" in text(app)
    assert app.expander[0].label == "1 file could not be read"
    table = app.dataframe[-1].value
    assert list(table["picture"]) == list(pictures)
    assert set(table["class"]) == {"red"}

    lines = list(
        csv.reader(
            handed_out(app)["Download the table (CSV)"].open(encoding="utf-8-sig", newline="")
        )
    )
    assert lines[0] == ["path", "class", "probability", "blue", "red", "doubts"]
    assert lines[1] == ["in/0.png", "red", "0.750000", "0.250000", "0.750000", ""]
    assert len(lines) == 18
    button(app, "Sort the pictures into folders").click().run()
    with zipfile.ZipFile(handed_out(app)["Download the folders (zip)"]) as folders:
        assert folders.namelist()[:2] == ["predictions.csv", "red/0.png"]
        assert folders.read("red/3.png") == pictures["in/3.png"]
    app.run()
    assert answers.asked == [AT_ONCE, 2], "what is known is not asked again"


def test_what_was_interrupted_goes_on(open_page: Open, trained: str, answers: Answers) -> None:
    app = open_page("predict", run=trained)
    choose_way(app, "A folder or an archive")
    answers.error = "The process ended."
    bring(app, "A folder", ("a/x.png", photo(1), ""), ("a/y.png", photo(2), ""))
    assert "The process ended" in text(app)
    answers.error = ""
    button(app, "Go on with the others").click().run()
    assert "**2 pictures** · red 2" in text(app)


def test_after_a_day_they_are_asked_again(open_page: Open, trained: str, answers: Answers) -> None:
    app = open_page("predict", run=trained)
    choose_way(app, "A folder or an archive")
    bring(app, "Or an archive", archive({"x.png": photo(1)}))
    handed_out(app)["Download the table (CSV)"].unlink()
    answers.asked.clear()
    app.run()
    assert answers.asked == [1]
    assert handed_out(app)["Download the table (CSV)"].is_file()


def test_what_is_no_archive_is_refused_in_a_sentence(open_page: Open, trained: str) -> None:
    app = open_page("predict", run=trained)
    choose_way(app, "A folder or an archive")
    bring(app, "Or an archive", ("photos.rar", b"Rar!", ""))
    assert len(app.error) == 1
    bring(app, "Or an archive", archive({"x.png": photo(1)}))
    assert not app.error
    assert "**1 picture** · red 1" in text(app)


def test_names_are_text(open_page: Open, trained: str) -> None:
    app = open_page("predict", run=trained)
    choose_way(app, "A folder or an archive")
    bring(app, "Or an archive", archive({HOSTILE: photo(1), "**no**": b"no"}))
    assert list(app.dataframe[-1].value["picture"]) == [HOSTILE]
    table = handed_out(app)["Download the table (CSV)"]
    assert f'\n"\'{HOSTILE}"' in table.read_text(encoding="utf-8-sig")
    assert "**no**" not in text(app)


@pytest.mark.parametrize(
    ("doubts", "said"),
    [
        (["unsure"], "I don't know this one"),
        (["strange"], "Not like anything I was taught"),
        (["unsure", "strange"], "Not like anything I was taught"),
    ],
)
def test_what_is_better_not_believed_is_said(
    open_page: Open, trained: str, answers: Answers, doubts: list[str], said: str
) -> None:
    answers.doubts = doubts
    app = open_page("predict", run=trained)
    assert said in text(app)
    assert "most likely red" in text(app)
    choose_way(app, "A folder or an archive")
    bring(app, "Or an archive", archive({"x.png": photo(1)}))
    assert "better not believed 1" in text(app)
    assert app.dataframe[-1].value["better not believed"][0]
    button(app, "Sort the pictures into folders").click().run()
    with zipfile.ZipFile(handed_out(app)["Download the folders (zip)"]) as folders:
        assert folders.namelist() == ["predictions.csv", "doubtful/x.png"]


def test_a_reload_finds_the_pictures_again(
    open_page: Open, workspace: Workspace, trained: str
) -> None:
    app = open_page("predict", run=trained)
    choose_way(app, "A folder or an archive")
    bring(app, "Or an archive", archive({"x.png": photo(1), "y.png": photo(2)}))
    which = app.query_params["brought"]
    again = open_page("predict", run=trained, brought=which)
    assert again.button_group[0].value == "A folder or an archive"
    assert "**2 pictures**" in text(again)
    shutil.rmtree(workspace.batches)
    gone = open_page("predict", run=trained, brought=which)
    assert gone.button_group[0].value == "Pictures it never learned from"
    choose_way(gone, "A folder or an archive")
    assert "are gone: they are kept for a day" in text(gone)


@pytest.mark.parametrize(("count", "tables"), [(24, 0), (25, 1)])
def test_many_uploaded_pictures_become_a_table(
    open_page: Open, trained: str, count: int, tables: int
) -> None:
    app = open_page("predict", run=trained)
    choose_way(app, "Upload pictures")
    bring(app, "Pictures", *[(f"{n}.png", photo(n), "") for n in range(count)])
    assert len(app.dataframe) == tables


def test_a_model_that_someone_sent_predicts(
    open_page: Open, workspace: Workspace, sent: bytes
) -> None:
    app = open_page("predict")
    bring(app, "The file", ("from a friend.headstart", sent, ""))
    assert "no trained model yet" not in text(app)
    assert "**Sweets** · a model's file from elsewhere" in text(app)
    assert "It knows these classes and no others: blue, red." in text(app)
    assert "9 of 10 pictures to check with (90%)" in text(app)
    assert "Not sold" in text(app)
    (file,) = workspace.models.iterdir()
    assert app.query_params["model"] == file.stem
    choose_way(app, "A folder or an archive")
    bring(app, "Or an archive", archive({"x.png": photo(1)}))
    assert "**1 picture** · red 1" in text(app)

    again = open_page("predict", model=file.stem)
    assert "**Sweets**" in text(again), "its address finds it again"
    button(again, "Close it").click().run()
    assert "no trained model yet" in text(again)


@pytest.mark.parametrize("content", [b"", b"PK\5\6", b"\x80\x05cos\nsystem\n.", "cut"])
def test_what_is_no_model_is_refused_in_a_sentence(
    open_page: Open, workspace: Workspace, answers: Answers, sent: bytes, content: bytes | str
) -> None:
    app = open_page("predict")
    bring(app, "The file", ("evil.headstart", sent[:-9] if content == "cut" else content, ""))
    (said,) = app.error
    assert "evil\\.headstart is not a whole Headstart bundle" in said.value
    assert "it is no zip as bundles are" in said.value, "and no words of a library"
    assert not list(workspace.models.glob("*"))
    assert not answers.asked, "what says nothing sensible of itself is not even loaded"


def test_a_model_whose_weights_do_not_fit_is_refused(
    open_page: Open, workspace: Workspace, answers: Answers, sent: bytes
) -> None:
    answers.error = "0123.headstart is not a whole Headstart bundle (weights); ask for it again."
    app = open_page("predict")
    bring(app, "The file", ("evil.headstart", sent, ""))
    assert "not a whole Headstart bundle" in text(app)
    assert not list(workspace.models.glob("*"))


@pytest.mark.parametrize("name", ["../headstart", "0123456789abcdef", "0123456789ABCDEF", "/etc"])
def test_a_model_in_the_address_is_one_of_ours_or_none(open_page: Open, name: str) -> None:
    assert "no trained model yet" in text(open_page("predict", model=name))


def test_a_run_that_was_chosen_since_goes_before_the_file(
    open_page: Open, trained: str, workspace: Workspace, sent: bytes
) -> None:
    workspace.models.mkdir()
    (workspace.models / "0123456789abcdef.headstart").write_bytes(sent)
    assert "from elsewhere" in text(open_page("predict", model="0123456789abcdef"))
    app = open_page("predict", model="0123456789abcdef", run=trained)
    assert "from elsewhere" not in text(app)


def test_the_code_behind_the_clicks_is_shown(
    open_page: Open, trained: str, dataset: Dataset
) -> None:
    app = open_page("predict", run=trained)
    app.button_group[-1].set_value("The code behind the clicks").run()
    assert not app.exception
    code = app.code[-1].value
    compile(code, "script", "exec")
    assert "tl_core" not in code
    assert dataset.items[0].file[:12] in code, "it names the run's pictures"
    assert button(app, "Make the files to run it")


def test_the_code_of_a_model_from_elsewhere_predicts(
    open_page: Open, workspace: Workspace, sent: bytes
) -> None:
    workspace.models.mkdir()
    (workspace.models / "0123456789abcdef.headstart").write_bytes(sent)
    app = open_page("predict", model="0123456789abcdef")
    app.button_group[-1].set_value("The code behind the clicks").run()
    compile(app.code[-1].value, "script", "exec")
    assert "This predicts with the model's file" in text(app)


def test_a_model_is_handed_out_as_one_file(open_page: Open, trained: str, store: Store) -> None:
    app = open_page("predict", run=trained)
    app.button_group[-1].set_value("A Headstart file").run()
    assert handed_out(app) == {"Download the model": Path(store.run(trained).facts["bundle"])}


def ask_for(token: str) -> Any:
    scope = {"type": "http", "path_params": {"token": token}, "headers": []}
    return asyncio.run(downloads.hand_out(Request(scope)))


def test_only_what_was_offered_is_handed_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_offered", type(downloads._offered)())
    monkeypatch.setattr(downloads, "_MOST", 2)
    file = tmp_path / "file"
    file.write_bytes(b"content")
    tokens = [downloads.token_of(file, name) for name in ("a", "ü;\r\n", "a")]
    assert tokens[0] == tokens[2]
    answer = ask_for(tokens[1])
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == ("attachment; filename*=utf-8''%C3%BC%3B%0D%0A")
    downloads.token_of(file, "c")
    assert ask_for(tokens[1]).status_code == 404, "the oldest is forgotten"
    file.unlink()
    assert ask_for(tokens[0]).status_code == 404

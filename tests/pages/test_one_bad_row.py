"""One thing that cannot be shown is shown as that, and the rest of every page stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared.lesson import CHAPTERS
from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset, list_datasets
from tl_core.runs.run import STATES
from tl_core.runs.store import Store
from tl_core.studies.kinds import KINDS
from tl_core.workspace import Workspace, new_id

Open = Callable[..., AppTest]
FIGURES = {
    "validation_accuracy": 0.75, "test_accuracy": None, "train_accuracy": 1.0, "seconds": 2.0,
    "trainable_parameters": 3784, "dataset_name": "colours",
}  # fmt: skip
DAMAGED: dict[str, dict[str, Any]] = {
    "a newer recipe": {"config": '{"dataset": "d", "backbone": "mini", "recipe": "distil"}'},
    "a newer state": {"state": "dreaming"},
    "no settings": {"config": "{}"},
    "foreign settings": {"config": '[["dataset", "d"]]'},
    "settings of other kinds": {"config": '{"dataset": 3, "backbone": null}'},
    "no JSON": {"facts": "{half of"},
    "facts that are none": {"facts": "[1, 2]"},
    "a time that is none": {"created": "yesterday"},
}
"""Columns of a row that cannot be read, by what is wrong with it."""
ODD: dict[str, dict[str, Any]] = {
    "no facts": {},
    "nothing but nulls": dict.fromkeys((*FIGURES, "classes", "phases", "bundle", "study")),
    "figures that are no numbers": FIGURES | {"validation_accuracy": float("nan"), "seconds": None},
    "figures that are words": dict.fromkeys(FIGURES, "many") | {"bundle": 3, "classes": "ab"},
    "facts of other shapes": FIGURES | {"phases": [3], "frozen_stages": 7, "moved": [1], "note": 5},
    "a study of another shape": {"study": ["what"]},
    "a study without a number": {"study": {"id": "s", "kind": "race"}},
    "a study that nobody knows": {"study": {"id": "t", "kind": "seance", "number": 0,
                                            "label": "one"}},
    "a model without classes": FIGURES | {"bundle": "/gone.headstart"},
}  # fmt: skip
"""Facts of a finished run that can be read, and hold what no page expects, by what that is."""


def text(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.header, *app.info, *app.subheader]
    links = [node.proto.label for node in app.get("page_link")]
    return "\n".join([*(str(p.value) for p in [*parts, *app.error, *app.warning]), *links])


def spoil(store: Store, run: str, **columns: Any) -> None:
    """Write into a row what our own code would not."""
    with store.write() as db:
        for name, value in columns.items():
            db.execute(f"UPDATE runs SET {name} = ? WHERE id = ?", (value, run))  # noqa: S608


@pytest.fixture
def by_hand(store: Store, dataset: Dataset) -> str:
    """Return the id of a finished run with features made by hand."""
    run = store.create(RunConfig(dataset.id, "handmade", work="handmade"))
    store.end(run, "finished", **FIGURES, classes=list(dataset.classes))
    return run


@pytest.fixture
def everything(
    workspace: Workspace, store: Store, dataset: Dataset, finished: str, by_hand: str
) -> list[str]:
    """Fill the workspace with one of everything, and return the ids of the runs that are good."""
    good = [finished, by_hand]
    for state in STATES:
        run = store.create(RunConfig(dataset.id, "small"), dataset_name="colours")
        spoil(store, run, state=state)
        good.append(run)
    for columns in DAMAGED.values():
        spoil(store, run := store.create(RunConfig(dataset.id, "small")), **columns)
        (workspace.runs / run / "record.json").unlink()  # else the next start puts it right
    for facts in ODD.values():
        run = store.create(RunConfig(dataset.id, "small"))
        spoil(store, run, state="finished", facts=json.dumps(facts))
    spoil(store, store.create(RunConfig(dataset.id, "resnet9000")), state="finished",
          facts=json.dumps(FIGURES | {"bundle": "/gone", "classes": ["a", "b"]}))  # fmt: skip
    store.create(RunConfig("gone", "mini"))
    spoil(store, finished, facts=json.dumps(store.run(finished).facts | {"note": None}))
    for name in KINDS:
        for number, state in enumerate(("finished", "failed", "stopped")):
            fact = {"id": f"{name:16.16}", "kind": name, "number": number, "label": state}
            run = store.create(RunConfig(dataset.id, "mini"), study=fact)
            spoil(store, run, state=state)
    _spoil_folders(workspace, store)
    return good


def _spoil_folders(workspace: Workspace, store: Store) -> None:
    for name, description in {"halved": "{", "foreign": "[]", "newer": '{"schema": 99}'}.items():
        folder = workspace.datasets / name
        folder.mkdir()
        (folder / "dataset.json").write_text(description)
    (workspace.datasets / "empty").mkdir()
    (workspace.datasets / "a file").write_text("what is this?")
    (workspace.datasets / "a folder" / "dataset.json").mkdir(parents=True)
    for room in (workspace.runs, workspace.cache, workspace.root):
        (room / "odd $x$ *folder*").mkdir()
        (room / "odd $x$ *folder*" / "record.json").write_text("{}")
        (room / "a file").write_text("what is this?")
    for run in store.runs():
        folder = workspace.runs / run.id
        folder.mkdir(exist_ok=True)
        for name in ("predictions.safetensors", "events.jsonl", "run.log", "model.headstart"):
            (folder / name).write_bytes(b"\x00damaged")
    with store.write() as db:
        some = store.runs()[0].id
        for number, (kind, fields) in enumerate(
            (("Danced", "{}"), ("EpochEnded", "{"), ("EpochEnded", '{"phase": 0}'))
        ):
            db.execute(
                "INSERT INTO events VALUES (?, ?, 1.0, ?, ?)", (some, 900 + number, kind, fields)
            )


@pytest.mark.parametrize("page", ["start", "runs", "storage", "compare", "validate", "predict"])
def test_every_list_keeps_what_is_good(open_page: Open, everything: list[str], page: str) -> None:
    app = open_page(page)
    assert not [error.value for error in app.error if "our side" in error.value]
    said = text(app) + str([box.options for box in app.selectbox])
    said += str([frame.value.to_csv() for frame in app.dataframe])
    if page == "runs":
        assert f"{len(DAMAGED)} runs cannot be shown" in said
    if page == "storage":
        assert said.count("Unreadable") == len(DAMAGED) + 5, "and four datasets"
    if page in ("runs", "storage"):
        missing = [run for run in everything[:3] if run[:6] not in said]
        assert not missing or page == "runs"
        assert "Made by hand" in said or page == "runs"


def test_all_runs_are_on_the_pages_of_the_list(
    open_page: Open, everything: list[str], store: Store
) -> None:
    said = ""
    for page in range(-(-store.count_runs() // 20)):
        app = open_page("runs")
        app.session_state["runs-page"] = page + 1
        said += text(app.run())
        assert not app.exception
        assert not app.error
    assert [run for run in everything if run[:6] not in said] == []


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("way", ["Here already", "This machine's disk", "Samples", "Public sets"])
def test_the_good_datasets_are_there(open_page: Open, dataset: Dataset, way: str) -> None:
    app = open_page("data")
    app.session_state["ways"] = way
    app.run()
    assert not app.exception
    assert not app.error
    if way == "Here already":
        assert any(b.key == f"known{dataset.id}" for b in app.button)
        assert "5 datasets cannot be shown" in text(app)


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("chapter", [chapter.key for chapter in CHAPTERS])
def test_every_chapter_opens(open_page: Open, dataset: Dataset, chapter: str) -> None:
    app = open_page("learn", chapter=chapter, data=dataset.id, backbone="mini")
    assert not [error.value for error in app.error if "our side" in error.value]


@pytest.mark.parametrize("page", ["train", "validate", "predict", "compare", "storage"])
def test_every_run_s_own_page_opens(
    open_page: Open, everything: list[str], store: Store, page: str
) -> None:
    for run in store.runs():
        app = open_page(page, run=run.id)
        assert app.header or app.title, run
        if run.id in everything:
            assert not [e.value for e in app.error if "our side" in e.value], run
        if page != "train":
            break


def test_a_run_with_features_made_by_hand(
    open_page: Open, by_hand: str, store: Store, workspace: Workspace
) -> None:
    from tl_core.studies.receipt import receipt

    app = open_page("train", run=by_hand)
    assert not app.error
    assert "Finished: colours · Made by hand" in text(app)
    assert {m.label: m.value for m in app.metric}["Validation pictures right"] == "75.0%"
    for page in ("start", "runs", "storage"):
        assert "colours · Made by hand" in text(open_page(page))
    assert "colours: Made by hand" in receipt(workspace, store, by_hand)


@pytest.mark.usefixtures("everything")
def test_what_cannot_be_read_can_be_deleted(
    open_page: Open, store: Store, workspace: Workspace
) -> None:
    count = len(store.runs())
    for name in [*store.unreadable(), "halved"]:
        app = open_page("storage")
        next(b for b in app.button if b.key == f"delete-{name}").click().run()
        next(b for b in app.button if b.key == "confirm").click().run()
        assert not app.exception
    assert store.unreadable() == []
    assert not (workspace.datasets / "halved").exists()
    assert len(store.runs()) == count, "the others stay"
    assert len(list_datasets(workspace)) == 1


@pytest.mark.parametrize("what", DAMAGED)
def test_a_bad_row_ends_no_list(store: Store, dataset: Dataset, what: str) -> None:
    good, bad = (store.create(RunConfig(dataset.id, "small")) for _ in range(2))
    spoil(store, bad, **DAMAGED[what])
    assert [run.id for run in store.runs(without="study")] == [good]
    assert store.unreadable() == [bad]


def test_an_unreadable_row_never_leads_outside(
    store: Store, workspace: Workspace, dataset: Dataset
) -> None:
    from tl_core.runs import storage

    run = store.create(RunConfig(dataset.id, "small"))
    spoil(store, run, config="{}", id="../datasets")
    (kept,) = storage.unreadable_kept(workspace, store)
    assert (kept.id, kept.bytes) == ("../datasets", 0)
    storage.delete_unreadable(workspace, store, kept.id)
    assert store.unreadable() == []
    assert len(list_datasets(workspace)) == 1
    assert new_id() not in str(kept)

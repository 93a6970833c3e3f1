"""The whole life of a run on its page: what it says, what may be asked, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from shutil import disk_usage
from typing import get_args

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared import live
from pages.shared.controls import Asking, reason_against
from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset
from tl_core.runs.logs import log_file
from tl_core.runs.queue import claim, register
from tl_core.runs.run import STATES, Run
from tl_core.runs.store import Store
from tl_core.workspace import Workspace

Open = Callable[..., AppTest]


def text(app: AppTest) -> str:
    shown = [*app.header, *app.caption, *app.info, *app.warning, *app.error, *app.markdown]
    return "\n".join(str(part.value) for part in shown).replace("\\", "")


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button if not button.disabled]


def press(app: AppTest, key: str) -> None:
    app.button(key=key).click().run()
    assert not app.exception


@pytest.fixture
def queued(store: Store, dataset: Dataset) -> str:
    return store.create(RunConfig(dataset.id, "small"), dataset_name=dataset.name)


@pytest.fixture
def running(store: Store, queued: str) -> str:
    register(store, "cpu", ["cpu", "auto"], "token", 1)
    assert claim(store, "token")
    return queued


def test_a_run_that_waits_is_paused_resumed_and_stopped(
    open_page: Open, store: Store, queued: str
) -> None:
    app = open_page("train", run=queued)
    press(app, "ask-pause")
    assert store.run(queued).state == "paused"
    assert "Nothing is lost" in text(app)
    press(app, "ask-resume")
    assert store.run(queued).state == "queued"
    press(app, "ask-stop")
    assert store.run(queued).state == "stopped"
    assert "Stopped before it began" in text(app)
    assert "Start training" in labels(app), "another one may be started"


def test_a_run_that_is_trained_is_asked(open_page: Open, store: Store, running: str) -> None:
    app = open_page("train", run=running)
    press(app, "ask-pause")
    assert store.run(running).wish == "pause"
    assert "Pausing after this step" in text(app)
    press(app, "ask-resume")
    assert store.run(running).wish == ""
    press(app, "ask-stop")
    assert store.run(running).wish == "stop"
    assert app.button(key="ask-pause").disabled
    assert app.button(key="ask-stop").disabled
    assert text(app).count("It is being stopped.") == 3, "each has its reason"


def test_a_finished_run_trains_some_more(open_page: Open, store: Store, finished: str) -> None:
    app = open_page("train", run=finished)
    app.number_input[0].set_value(3)
    press(app, "ask-extend")
    run = store.run(finished)
    assert (run.state, run.config.more) == ("queued", (3,))
    assert "Waiting for its turn" in text(app)


def test_what_changed_elsewhere_is_shown(open_page: Open, store: Store, running: str) -> None:
    app = open_page("train", run=running)
    assert "Training: colours" in text(app)
    store.end(running, "interrupted", "The process that trained this run ended.")
    app.run()
    assert "Interrupted: colours" in text(app)
    assert "it goes on by itself" in text(app)


def test_a_run_without_room_goes_on_by_itself(open_page: Open, store: Store, running: str) -> None:
    store.end(running, "paused", "The disk is full; it goes on by itself.", again=1e12)
    said = text(open_page("train", run=running))
    assert "The disk is full" in said
    assert "Resume goes on" not in said


def test_a_full_disk_is_told_where_the_store_cannot_be_written(
    open_page: Open, running: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "is full" not in text(open_page("train", run=running))
    full = disk_usage("/")._replace(free=0)
    monkeypatch.setattr(live.shutil, "disk_usage", lambda _: full)
    assert "is full, so training waits" in text(open_page("train", run=running))


def test_a_failed_run_says_why_and_what_next(open_page: Open, store: Store, running: str) -> None:
    store.end(running, "failed", "The steps were too large; choose a smaller learning rate.")
    app = open_page("train", run=running)
    assert "too large" in app.error[0].value
    assert "resume the run, or change a setting" in text(app)
    assert "Resume" in labels(app)


def test_a_run_that_waits_says_its_place(open_page: Open, store: Store, queued: str) -> None:
    other = store.create(store.run(queued).config, dataset_name="colours")
    bars = open_page("train", run=other).get("progress")
    assert "Number 2 in line" in bars[0].proto.text


def test_the_address_is_there_to_copy(open_page: Open, queued: str) -> None:
    assert f"?run={queued}" in open_page("train", run=queued).code[0].value


def test_the_log_is_text(open_page: Open, workspace: Workspace, queued: str) -> None:
    folder = workspace.runs / queued
    folder.mkdir(parents=True, exist_ok=True)
    log_file(folder).write_text("**x** <b>$y$\n", encoding="utf-8")
    app = open_page("train", run=queued)
    assert len(app.code) == 1, "it is not read before it is asked for"
    app.session_state["log"] = True
    app.run()
    assert app.code[1].value == "**x** <b>$y$"


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("wish", ["", "pause", "stop"])
def test_something_may_be_asked_of_every_run_that_heeds_nothing_yet(state: str, wish: str) -> None:
    run = replace(Run("r", "me", 0.0, "queued", RunConfig("d", "mini")), state=state, wish=wish)
    may = {asking for asking in get_args(Asking) if not reason_against(asking, run)}
    if wish == "stop":
        assert not may
    else:
        assert may
        assert not {"pause", "resume"} <= may
    if wish == "" and state in ("stopped", "failed"):
        assert may == {"resume"}


def test_all_runs_are_listed_in_pages(open_page: Open, store: Store, dataset: Dataset) -> None:
    ids = [store.create(RunConfig(dataset.id, "small"), dataset_name="colours") for _ in range(45)]
    app = open_page("runs")

    def shown() -> list[str]:
        return [c.value[-6:] for c in app.caption if c.value.startswith("Waiting")]

    assert shown() == [run[:6] for run in reversed(ids)][:20]
    app.session_state["runs-page"] = 3
    app.run()
    assert shown() == [run[:6] for run in reversed(ids)][40:]


def test_an_empty_list_says_what_to_do(open_page: Open) -> None:
    app = open_page("runs")
    assert "Nothing was trained here yet" in text(app)
    assert "Go to Train" in labels(app)

"""Studies in the terminal: one object, one sentence for what goes wrong, and a clean stop."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tl_core import studying
from tl_core.cli import main
from tl_core.runs import queue
from tl_core.runs.execute import execute
from tl_core.runs.store import Run, Store
from tl_core.studies.study import studies
from tl_core.workspace import Workspace


@pytest.fixture(autouse=True)
def _in_this_process(
    one_thread: None,  # noqa: ARG001 (it does the work)
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Let the next run of the queue be carried out here: starting a worker costs seconds."""

    def follow(_: Workspace, store: Store, run_id: str, *__: Any, **___: Any) -> Run:
        queue.register(store, "cpu", ["cpu", "auto"], "a test", 1)
        run = queue.claim(store, "a test")
        assert run is not None
        assert run.id == run_id
        execute(workspace, store, run, "a test")
        return store.run(run_id)

    monkeypatch.setattr(studying, "follow", follow)


Answer = tuple[int, str, str]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    def run(*argv: object) -> Answer:
        capsys.readouterr()
        status = main(["study", *map(str, argv)])
        return status, *capsys.readouterr()

    return run


def test_which_backbone(
    ask: Callable[..., Answer], photo_folder: Callable[..., Path], workspace: Workspace
) -> None:
    folder = photo_folder({"red": 10, "blue": 10})
    status, out, err = ask("which-backbone", "--data", folder, "--json", "--device", "cpu")
    assert (status, out.count("\n")) == (0, 1)
    assert "1 of 1: Mini" in err
    answer = json.loads(out)
    assert answer["study"] == "which-backbone"
    assert answer["state"] == "finished"
    assert answer["suggestion"] == {"backbone": "mini"}
    assert answer["rows"][0]["accuracy"] > 0.9
    (run,) = answer["runs"]
    (found,) = studies(Store(workspace.store))
    assert (found.id, found.runs[0][1].id) == (answer["study_id"], run["run_id"])
    status, out, _ = ask("where-to-cut", "--data", folder.name, "--device", "cpu")
    assert status == 0
    heads = next(line for line in out.splitlines() if line.startswith("stage"))
    assert heads.split()[:4] == ["stage", "frozen", "accuracy", "error"]
    assert sum("layer" in line for line in out.splitlines()) >= 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rage", "--data", "x"], "no study called 'rage'; the nearest are race"),
        (["race", "--data", "x", "--backbone", "resnet19"], "no backbone called 'resnet19'"),
        (["race", "--data", "x", "--seeds", "0"], "number of seeds must be between 1 and 20"),
        (["race", "--data", "x", "--weights", "mini"], "'mini' is not that"),
        (["race", "--data", "x", "--weights", "mini=no.st"], "'mini=no.st' is not that"),
        (
            ["race", "--data", "x", "--weights", f"mini={__file__}"],
            "is not a plain PyTorch weights",
        ),
        (["race", "--data", "nothing-here"], "There is no dataset called 'nothing-here'"),
    ],
)
def test_what_goes_wrong_is_one_sentence(
    ask: Callable[..., Answer], words: list[str], told: str
) -> None:
    status, out, err = ask(*words)
    assert (status, out) == (2, "")
    assert told in err
    assert "Traceback" not in err


def test_what_these_pictures_cannot_answer_is_one_sentence(
    ask: Callable[..., Answer], photo_folder: Callable[..., Path], workspace: Workspace
) -> None:
    status, _, err = ask("race", "--data", photo_folder(), "--backbone", "small")
    assert status == 2
    assert "nobody has pre-trained it" in err
    assert studies(Store(workspace.store)) == []


def test_a_stopped_run_stops_those_that_wait(
    ask: Callable[..., Answer],
    photo_folder: Callable[..., Path],
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def follow(_: Workspace, store: Store, run_id: str, *__: Any, **___: Any) -> Run:
        store.ask_to_stop(run_id)
        return store.run(run_id)

    monkeypatch.setattr(studying, "follow", follow)
    status, _, err = ask("race", "--data", photo_folder({"red": 10, "blue": 10}))
    assert status == 2
    assert err.splitlines()[-1] == "Stopped before it began."
    (found,) = studies(Store(workspace.store))
    assert {run.state for _, run in found.runs} == {"stopped"}
    assert len(found.runs) == 6
